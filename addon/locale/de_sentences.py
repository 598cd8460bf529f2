"""German, what is said in sentences: the add-on's own and the worker's. Gaps are filled in their order; a number names another.

A test holds that every sentence of ours that the panel can show stands here.
"""

from __future__ import annotations

from typing import Final

from . import de_faults

SENTENCES: Final = {
    **de_faults.SENTENCES,
    # a capture
    "The capture is kept in {}; Load Motion builds it.": "Die Aufnahme liegt in {}; Bewegung laden baut sie auf.",
    "{} frames/s": "{} Bilder/s",
    "{} frames/s, {} left": "{} Bilder/s, noch {}",
    "Cancelled; nothing was changed.": "Abgebrochen; nichts wurde geändert.",
    "Cancelled; nothing was written.": "Abgebrochen; nichts wurde geschrieben.",
    "The capture was cancelled; nothing was written.": "Die Aufnahme wurde abgebrochen; nichts wurde geschrieben.",
    "Its log is {}.": "Das Protokoll ist {}.",
    "{} is a folder; choose a video file in it.": "{} ist ein Ordner; wähle eine Videodatei darin.",
    "There is no video {}; check the path.": "Es gibt kein Video {}; prüfe den Pfad.",
    "No video is chosen; choose one first.": "Kein Video ist gewählt; wähle zuerst eins.",
    "Options of your own, in Advanced below.": "Eigene Einstellungen, unten in Erweitert.",
    "Blender cannot read {}; the capture may still.": "Blender kann {} nicht lesen; die Aufnahme vielleicht doch.",
    "{}: {} x {}, {}.": "{}: {} x {}, {}.",
    "The timeline has no preview range and no two selected markers; press P in the timeline and drag.": (
        "Die Zeitleiste hat keinen Vorschaubereich und keine zwei gewählten Marker; drücke P in der Zeitleiste und ziehe."
    ),
    "The scene has no camera; make the solved camera the scene's, or do not use the scene's camera.": (
        "Die Szene hat keine Kamera; mache die gelöste Kamera zu ihrer, oder verwende die Kamera der Szene nicht."
    ),
    "{} is not a camera in perspective, and a video is; use the camera that was solved.": (
        "{} ist keine perspektivische Kamera, ein Video aber ist so gefilmt; nimm die gelöste Kamera."
    ),
    "No camera was added, because the scene's own was used.": "Keine Kamera kam hinzu, weil die der Szene verwendet wurde.",
    "{} shows the video; {} stays the scene's camera, and the render keeps its size.": (
        "{} zeigt das Video; {} bleibt die Kamera der Szene, und das gerenderte Bild behält seine Größe."
    ),
    "Blender cannot show {} behind the camera.": "Blender kann {} nicht hinter der Kamera zeigen.",
    "{} has its keys at {} frames a second and the scene {} now, as an import may have set it: press Match Video under Review, and "
    "Retarget again.": (
        "{} hat seine Keyframes bei {} Bildern je Sekunde, und die Szene hat jetzt {}, vielleicht durch einen Import: unter Prüfen "
        "„An Video angleichen“ drücken und noch einmal übertragen."
    ),
    "{} has a world of its own now, by its lens or level; Person: All captures all in one.": (
        "{} hat jetzt eine eigene Welt, durch Brennweite oder Waagerechte; Person: Alle nimmt alle in einer auf."
    ),
    "{}, with which Blender starts, is hidden; the eye in the outliner shows it again.": (
        "{}, mit dem Blender beginnt, ist ausgeblendet; das Auge im Outliner zeigt ihn wieder."
    ),
    "The clip has {} frames a second and the scene, which is animated already, {}: the keys stand on the scene's frames, in the right "
    "time; Match Video gives the scene the clip's rate.": (
        "Der Film hat {} Bilder je Sekunde und die Szene, in der schon etwas animiert ist, {}: die Keyframes stehen auf den Bildern der "
        "Szene, zur rechten Zeit; Die des Videos gibt der Szene die Bildrate des Films."
    ),
    "The scene's frame rate cannot be {}; choose {}.": "Die Bildrate der Szene kann nicht {} sein; wähle {}.",
    "{} frames ({}) at {}: {} keys on {} bones, frames {} to {}.": "{} Bilder ({}) mit {}: {} Keyframes auf {} Knochen, Bild {} bis {}.",
    "{} frames ({}) at {}: {} keys on {} bones, frames {} to {}, in {} s.": (
        "{} Bilder ({}) mit {}: {} Keyframes auf {} Knochen, Bild {} bis {}, in {} s."
    ),
    # the review
    "One person is in the first frame.": "Eine Person ist im ersten Bild.",
    "{} people are in the first frame.": "{} Personen sind im ersten Bild.",
    "The worker is of another version; install Kinolift's zip again.": (
        "Der Arbeitsprozess ist von einer anderen Version; installiere Kinolifts Zip neu."
    ),
    "Select a captured armature, or capture a video.": "Wähle eine aufgenommene Armatur, oder nimm ein Video auf.",
    "This take has no quality report.": "Diese Aufnahme hat keinen Gütebericht.",
    "Good: sure of every frame.": "Gut: in jedem Bild sicher.",
    "Doubtful: unsure of {} % of the frames, mostly {}.": "Zweifelhaft: in {} % der Bilder unsicher, meist: {}.",
    "Look at {}, {} % of the frames: mostly {}.": "Sieh {} an, {} % der Bilder: meist: {}.",
    "Quality: {} px off the picture ({} % of the person), planted feet slide {} cm/s, {} mm under the ground, mean acceleration {} m/s2.": (
        "Güte: {} px neben dem Bild ({} % der Person), stehende Füße rutschen mit {} cm/s, {} mm unter dem Boden, "
        "Beschleunigung im Mittel {} m/s2."
    ),
    "Sure of every frame.": "In jedem Bild sicher.",
    "Unsure of {} % of the frames: {}.": "Unsicher in {} % der Bilder: {}.",
    "Unsure of {} % of the frames: {} and {} more.": "Unsicher in {} % der Bilder: {} und {} weiteren Stellen.",
    "There is no unsure stretch.": "Es gibt keine unsichere Stelle.",
    "Frames {} to {}: as captured": "Bild {} bis {}: wie aufgenommen",
    "Frames {} to {}: {} of {} other ways": "Bild {} bis {}: {} von {} anderen Möglichkeiten",
    "Frames {} to {}: {}": "Bild {} bis {}: {}",
    "Limbs that took another depth are as captured again; their motion is a new one.": (
        "Glieder mit anderer Tiefe sind wieder wie aufgenommen; ihre Bewegung ist eine neue."
    ),
    "{} has no other reading of that limb in frame {}; go to one in which it points towards the camera or away from it.": (
        "{} hat für dieses Glied in Bild {} keine andere Möglichkeit; gehe zu einem, in dem es zur Kamera oder von ihr weg zeigt."
    ),
    "The keys of {} are not where they were made; Refine Again makes them anew.": (
        "Die Keyframes von {} liegen nicht, wo sie gemacht wurden; „Neu verfeinern“ macht sie neu."
    ),
    "{} of {} is not moved by the take's own keys any more; play its action, with rotations as Quaternion.": (
        "{} von {} wird nicht mehr von den eigenen Keyframes der Aufnahme bewegt; spiele ihre Aktion, mit Drehungen als Quaternion."
    ),
    "There is no limb {}; choose one of {}.": "Es gibt kein Glied {}; wähle eins von {}.",
    "{} unsure stretches are marked.": "{} unsichere Stellen sind markiert.",
    "{} can be found in the asset browser under Current File.": "Im Asset-Browser unter Aktuelle Datei: {}.",
    "{} comes from an early version that kept no motion in the file; capture its video again.": (
        "{} stammt aus einer frühen Version, die keine Bewegung in der Datei behielt; nimm das Video neu auf."
    ),
    "{} was made from a motion file alone, without what was detected; capture its video again.": (
        "{} entstand aus einer Bewegungsdatei allein, ohne das Erkannte; nimm das Video neu auf."
    ),
    "{}: {} keys of {} are left": "{}: {} von {} Keyframes sind übrig",
    # what the worker warns of
    "Too little of the background is seen to tell whether the camera moved; it is taken to have stood still.": (
        "Vom Hintergrund ist zu wenig zu sehen, um zu sagen, ob die Kamera sich bewegte; sie gilt als still."
    ),
    "The camera moved too fast to be followed: of most pictures little is found again in the next. It is taken to have stood still, and "
    "all frames are unsure.": (
        "Die Kamera bewegte sich zu schnell, um ihr zu folgen: von den meisten Bildern ist wenig im nächsten wiederzufinden. Sie gilt als "
        "still, und alle Bilder sind unsicher."
    ),
    "The camera moved too fast to be followed at {} seconds: it is taken to look the same way before and after, and the frames around are "
    "unsure.": (
        "Die Kamera bewegte sich bei {} Sekunden zu schnell, um ihr zu folgen: sie gilt als davor und danach gleich gerichtet, und die "
        "Bilder ringsum sind unsicher."
    ),
    "The background changes its size by {} percent: the camera is taken to zoom, and its lens is followed. If it came nearer or went away "
    "instead, the person's way towards the camera and back is not to be trusted.": (
        "Der Hintergrund ändert seine Größe um {} Prozent: das gilt als Zoom der Kamera, und ihrem Objektiv wird gefolgt. Kam sie "
        "stattdessen näher oder ging weg, so ist dem Weg der Person zur Kamera hin und zurück nicht zu trauen."
    ),
    "The background changes its size by {} percent: the camera zooms, or comes nearer or goes away. That is not followed, so the person's "
    "way towards the camera and back is not to be trusted.": (
        "Der Hintergrund ändert seine Größe um {} Prozent: die Kamera zoomt, oder sie kommt näher oder geht weg. Dem wird nicht gefolgt, "
        "also ist dem Weg der Person zur Kamera hin und zurück nicht zu trauen."
    ),
    "The camera seems to have moved from its place, not only turned: its turning (by {} degrees) is taken out, and the person's path "
    "through the room is not to be trusted.": (
        "Die Kamera scheint sich vom Fleck bewegt und nicht nur gedreht zu haben: ihre Drehung (um {} Grad) ist herausgerechnet, und dem "
        "Weg der Person durch den Raum ist nicht zu trauen."
    ),
    "The scene's lines and the person's body disagree by {} degrees about which way is up, and the lines are believed; {} does the "
    "other.": (
        "Die Linien der Szene und der Körper der Person sind um {} Grad uneins, wo oben ist, und den Linien wird geglaubt; {} tut das "
        "andere."
    ),
    "The scene's lines and the person's body disagree by {} degrees about which way is up, and the lines are not believed; {} does the "
    "other.": (
        "Die Linien der Szene und der Körper der Person sind um {} Grad uneins, wo oben ist, und den Linien wird nicht geglaubt; {} tut "
        "das "
        "andere."
    ),
    "The recording pauses at {} seconds: a hole in the motion.": "Die Aufzeichnung setzt bei {} Sekunden aus: ein Loch in der Bewegung.",
    "Nobody was found at {} seconds, too long to fill in: left out of the motion.": (
        "Bei {} Sekunden wurde niemand gefunden, zu lange, um es zu ergänzen: in der Bewegung ausgelassen."
    ),
    "What was found at {} seconds is another person or a false alarm: left out of the motion.": (
        "Was bei {} Sekunden gefunden wurde, ist eine andere Person oder ein Irrtum: in der Bewegung ausgelassen."
    ),
    "The video has {} shots ({}); this is shot {}, which shows a person for longest: --shot N chooses another, --shot all makes a take of "
    "each.": (
        "Das Video hat {} Einstellungen ({}); dies ist Nummer {}, die am längsten eine Person zeigt: Erweitert > Einstellung wählt eine "
        "andere."
    ),
    "{} people are seen ({}); this is person 1: --person N chooses another, --person all makes a take of each.": (
        "{} Personen sind zu sehen ({}); dies ist Person 1: Nächste Person geht zu einer anderen, und bei Person lassen sich alle wählen."
    ),
    "At least {} people are seen, and {} are followed: --people N follows more.": (
        "Mindestens {} Personen sind zu sehen, und {} werden verfolgt: Bei Personen lassen sich mehr einstellen."
    ),
    "At least {} people are seen, and {} are followed, which are the most.": (
        "Mindestens {} Personen sind zu sehen, und {} werden verfolgt; mehr geht nicht."
    ),
    "Person {} does not move: perhaps a picture or a statue.": "Person {} bewegt sich nicht: vielleicht ein Bild oder eine Statue.",
    "Person {} meets others {} times: behind each it may be somebody else who is followed; look there.": (
        "Person {} begegnet anderen {}-mal: danach könnte jeweils jemand anders verfolgt werden; sieh dort nach."
    ),
    "Person {} moves just as person {} does: perhaps a reflection.": (
        "Person {} bewegt sich genau wie Person {}: vielleicht ein Spiegelbild."
    ),
    "Nobody was found in {} of the {} shots ({}): they give no take.": (
        "In {} der {} Einstellungen wurde niemand gefunden ({}): sie geben keine Aufnahme."
    ),
    "{} is cut off: {} of its {} frames could be read and are used.": (
        "{} ist abgeschnitten: {} der {} Bilder ließen sich lesen und werden verwendet."
    ),
    "{} of the {} frames of {} are damaged and left out.": "{0} der {1} Bilder von {2} sind beschädigt und ausgelassen.",
    "The person is {} cm over the ground {}: right on a ladder or a chair, else the ground or up is wrong.": (
        "Die Person ist {} cm über dem Boden, {}: auf einer Leiter oder einem Stuhl richtig, sonst ist der Boden oder oben falsch."
    ),
    "The person moves at {} m/s or more {}, faster than people run: another person, or a cut?": (
        "Die Person bewegt sich mit {} m/s oder mehr, {}, schneller als Menschen laufen: eine andere Person, oder ein Schnitt?"
    ),
    "Nothing of the person moves {}: a picture, a statue or a frozen video, and nobody alive?":
        "An der Person bewegt sich {} nichts: ein Bild, eine Statue oder ein stehendes Video, und niemand Lebendes?",
    "The head turns by {} degrees in a frame {}: look at it.": "Der Kopf dreht sich in einem Bild um {} Grad, {}: sieh es an.",
    "The preview could not be drawn ({}: {}); see the log.": "Die Vorschau ließ sich nicht zeichnen ({}: {}); siehe das Protokoll.",
    "The motion is kept in {}.": "Die Bewegung liegt in {}.",
    # why a video cannot be captured
    "No person was found in {}; use a video that shows one person from head to feet, a tenth as tall as the picture or more.": (
        "In {} wurde niemand gefunden; nimm ein Video, das eine Person von Kopf bis Fuß zeigt, ein Zehntel so hoch wie das Bild oder mehr."
    ),
    "No person was found in shot {} of {}; choose another with --shot ({}).": (
        "In Einstellung {} von {} wurde niemand gefunden; wähle eine andere ({})."
    ),
    "There is no shot {}: {} has {}; choose another with --shot.": "Es gibt keine Einstellung {}: {} hat {}; wähle eine andere.",
    "There is no person {}: {} shows {}; choose another with --person.": "Es gibt keine Person {}: {} zeigt {}; wähle eine andere.",
    "Nobody is at {},{} of the picture at {} s of {}; it shows {}.": (
        "An der Stelle {},{} des Bildes ist bei {} s von {} niemand; es zeigt {}."
    ),
    "{} is a detection and not a video: {}.": "{} ist eine Erkennung und kein Video: {}.",
    "{} cannot be captured: {}; export it again with an even rate.": (
        "{} kann nicht aufgenommen werden: {}; exportiere es neu mit gleichmäßiger Bildrate."
    ),
    "{} is a folder; give a video file.": "{} ist ein Ordner; gib eine Videodatei an.",
    "There is no file {}; check the path.": "Es gibt keine Datei {}; prüfe den Pfad.",
    "--start {} lies after the end: {}; choose an earlier start.": "Der Anfang {} liegt hinter dem Ende: {}; wähle einen früheren.",
    "--end {} leaves nothing to read: {}; choose a later end.": "Das Ende {} lässt nichts zu lesen übrig: {}; wähle ein späteres.",
    "No frame lies from {}: {}; choose a later end.": "Kein Bild liegt ab {}: {}; wähle ein späteres Ende.",
    "{} is damaged: a picture of it cannot be decoded; export the video again.": (
        "{} ist beschädigt: ein Bild darin lässt sich nicht dekodieren; exportiere das Video neu."
    ),
    "{} is damaged and no picture of {} can be decoded; export the video again.": (
        "{} ist beschädigt, und kein Bild von {} lässt sich dekodieren; exportiere das Video neu."
    ),
    "{} claims pictures of {}x{} pixels, more than can be captured; make the video smaller, or export it again if it is damaged.": (
        "{} gibt Bilder von {}x{} Pixeln an, mehr als sich aufnehmen lassen; verkleinere das Video, oder exportiere es neu, falls es "
        "beschädigt ist."
    ),
    "{} is empty (0 bytes); copy or export the video again.": "{} ist leer (0 Byte); kopiere oder exportiere das Video neu.",
    "{} is no ordinary file; give a video file.": "{} ist keine gewöhnliche Datei; gib eine Videodatei an.",
    "{} cannot be read ({}); check its permissions.": "{} ist nicht lesbar ({}); prüfe die Rechte.",
    "There is not enough memory to decode {} at {}x{}; close other programs or make the video smaller.": (
        "Der Speicher reicht nicht, um {} mit {}x{} zu dekodieren; schließe andere Programme, oder verkleinere das Video."
    ),
    # why the worker cannot work
    "The machine ran out of memory; close other programs or capture a part with --start and --end.": (
        "Der Speicher ging aus; schließe andere Programme, oder nimm einen Teil auf, mit Anfang und Ende."
    ),
    "Kinolift failed ({}: {}); the log has the details, please report it.": (
        "Kinolift ist gescheitert ({}: {}); das Protokoll nennt Einzelheiten, bitte melde es."
    ),
    "The detector cannot be loaded ({}); install your system's OpenGL ES libraries (Debian and Ubuntu: apt-get install libegl1 "
    "libgles2).": (
        "Der Detektor lässt sich nicht laden ({}); installiere die OpenGL-ES-Bibliotheken deines Systems (Debian und Ubuntu: apt-get "
        "install "
        "libegl1 libgles2)."
    ),
    "MediaPipe cannot be loaded ({}); {}.": "MediaPipe lässt sich nicht laden ({}); {}.",
    "The worker stopped with code {} before it was done; nothing was written, see the log.": (
        "Der Arbeitsprozess endete mit Code {}, bevor er fertig war; nichts wurde geschrieben, siehe das Protokoll."
    ),
    "The worker stopped with code {} before it was done: {}; nothing was written, see the log.": (
        "Der Arbeitsprozess endete mit Code {}, bevor er fertig war: {}; nichts wurde geschrieben, siehe das Protokoll."
    ),
    "The worker was ended from outside ({}) before it was done, and nothing was written; close other programs to free memory and try "
    "again.": (
        "Der Arbeitsprozess wurde von außen beendet ({}), bevor er fertig war, und nichts wurde geschrieben; schließe andere Programme, "
        "damit "
        "Speicher frei wird, und versuche es noch einmal."
    ),
    "The worker was ended from outside ({}) before it was done, and nothing was written; try again, and report it with the log if it "
    "returns.": (
        "Der Arbeitsprozess wurde von außen beendet ({}), bevor er fertig war, und nichts wurde geschrieben; versuche es noch einmal, und "
        "melde es mit dem Protokoll, wenn es wiederkommt."
    ),
    "The worker failed.": "Der Arbeitsprozess ist gescheitert.",
    "The worker's Python {} lacks a part that the capture needs ({}); install Kinolift again, or choose another Python in its "
    "preferences.": (
        "Dem Python für die Arbeit, {}, fehlt etwas, das die Aufnahme braucht ({}); installiere Kinolift neu, oder wähle in seinen "
        "Einstellungen ein anderes Python."
    ),
    "The worker's Python {} cannot be started ({}); correct the path in the preferences of Kinolift or in {}.": (
        "Das Python für die Arbeit, {}, lässt sich nicht starten ({}); berichtige den Pfad in Kinolifts Einstellungen oder in {}."
    ),
    # the set-up
    "The networks are there.": "Die Netze sind da.",
    "The worker runs on Python {} ({}).": "Der Arbeitsprozess läuft mit Python {} ({}).",
    "It has {}.": "Es hat {}.",
    "There is no {} in {}: install Kinolift's zip again.": "Es fehlt {} in {}: installiere Kinolifts Zip neu.",
    "Blender's own Python, {}, {}: name {} in {}.": "Blenders eigenes Python, {}, {}: nenne {} in {}.",
    "{}, which {} names, {}: choose another there, or empty the field for Blender's own Python.": (
        "{}, genannt in {}, {}: wähle dort ein anderes, oder leere das Feld für Blenders eigenes Python."
    ),
    "{}, which the variable {} names, {}: name another in {}, or unset the variable.": (
        "{}, genannt in der Variablen {}, {}: nenne ein anderes in {}, oder lösche die Variable."
    ),
    "{} lacks {}: name {} in {}, or leave the field empty for Blender's own.": (
        "{} hat nicht: {}. Nenne {} in {}, oder lass das Feld leer für Blenders eigenes."
    ),
    "This copy of Kinolift carries no {} for this Blender's Python {}: install the zip that was built for it, or name {} in {}.": (
        "Diese Kopie von Kinolift hat kein {} für das Python {} dieses Blenders: installiere das Zip, das dafür gebaut ist, oder nenne "
        "{} in {}."
    ),
    "Worker Python does not run": "Python für die Arbeit läuft nicht",
    "{} does not run": "{} läuft nicht",
    "Blender's Python does not run": "Blenders Python läuft nicht",
    "Worker Python lacks packages": "Dem Python für die Arbeit fehlen Pakete",
    "Packages for Python {} missing": "Pakete für Python {} fehlen",
    "Networks are missing": "Netze fehlen",
    # outputs
    "Wrote {}": "Geschrieben: {}",
    "There is no take to write to {}: no action moves the armature's bones.": (
        "Keine Aufnahme für {}: keine Action bewegt die Knochen der Armatur."
    ),
    "A {} file holds one take; write {}, or a file for each take.": (
        "Eine Datei {} fasst eine Aufnahme; schreibe {}, oder eine Datei je Aufnahme."
    ),
    "The path of {} is too long for Blender; choose a folder with a shorter one.": (
        "Der Pfad von {} ist zu lang für Blender; wähle einen Ordner mit kürzerem."
    ),
    "A second Blender could not write {} ({}); export as FBX instead.": (
        "Ein zweites Blender konnte {} nicht schreiben ({}); exportiere als FBX."
    ),
    "The disk is full: {} was not written; free some space and try again.": (
        "Die Platte ist voll: {} wurde nicht geschrieben; schaffe Platz und versuche es noch einmal."
    ),
    "{} cannot be written ({}); choose another folder for the output.": "{} lässt sich nicht schreiben ({}); wähle einen anderen Ordner.",
    "{} cannot be written ({}); choose another folder.": "{} lässt sich nicht schreiben ({}); wähle einen anderen Ordner.",
    "--fbx-preset is {}; it takes {}.": "Die FBX-Vorgabe ist {}; möglich sind {}.",
    "--fbx-root is {}; it takes {}.": "Der FBX-Wurzelknochen ist {}; möglich sind {}.",
    "Blender's exporter left out {} in {}; export another kind of file, and report it.": (
        "Blenders Exporter ließ {} in {} aus; exportiere eine andere Art Datei, und melde es."
    ),
    "Blender wrote {}, and it cannot be read again ({}); report it with the log.": (
        "Blender schrieb {}, und es lässt sich nicht wieder lesen ({}); melde es mit dem Protokoll."
    ),
    "Blender's exporter could not write {} ({}); report it with the log.": (
        "Blenders Exporter konnte {} nicht schreiben ({}); melde es mit dem Protokoll."
    ),
    "Blender's own {} exporter is switched off; enable it in Edit > Preferences > Add-ons.": (
        "Blenders eigener Exporter {} ist abgeschaltet; schalte ihn ein in Bearbeiten > Einstellungen > Add-ons."
    ),
    "--simplify is {}; give degrees as in 0.5, or degrees and millimetres as in 0.5,2.": (
        "Das Vereinfachen ist {}; gib Grad an, wie 0.5, oder Grad und Millimeter, wie 0.5,2."
    ),
    "--simplify is {} {}; it goes from more than 0 to {} {}.": "Das Vereinfachen ist {} {}; es geht von mehr als 0 bis {} {}.",
    "The name {} is not valid UTF-8, and such files cannot be read; rename it.": (
        "Der Name {} ist kein gültiges UTF-8, und solche Dateien lassen sich nicht lesen; benenne sie um."
    ),
    "The name {} is not valid UTF-8; choose another for the output.": "Der Name {} ist kein gültiges UTF-8; wähle einen anderen.",
    "The name {} is too long for this disk; choose a shorter one for the output.": (
        "Der Name {} ist zu lang für dieses Laufwerk; wähle einen kürzeren."
    ),
    "The name {} holds letters that cannot be printed; choose another for the output.": (
        "Der Name {} hat Zeichen, die sich nicht drucken lassen; wähle einen anderen."
    ),
    "{}: {}; use {}{}.": "{}: {}; verwende {}{}.",
    "{} exists and may not be overwritten; choose another name for the output.": (
        "{} ist da und darf nicht überschrieben werden; wähle einen anderen Namen."
    ),
    "{} exists and is not recognised as made by Kinolift; {}.": "{} ist da und nicht als von Kinolift gemacht zu erkennen; {}.",
    "{} is named twice as an output; give every file a name of its own.": "{} ist zweimal genannt; gib jeder Datei einen eigenen Namen.",
    "Nothing was written to {}; see the log.": "In {} wurde nichts geschrieben; siehe das Protokoll.",
    "The folder {} for {} does not exist; make it or choose another.": (
        "Den Ordner {} für {} gibt es nicht; lege ihn an, oder wähle einen anderen."
    ),
    "{} is a folder; choose a file name for the output.": "{} ist ein Ordner; wähle einen Dateinamen.",
    "{} is not a file; choose another name for the output.": "{} ist keine Datei; wähle einen anderen Namen.",
    "{} is an input ({}), which would be lost; choose another name for the output.": (
        "{} ist eine Eingabe ({}), die verloren ginge; wähle einen anderen Namen."
    ),
    "{} is a file; name a folder for the outputs.": "{} ist eine Datei; nenne einen Ordner.",
    # the character
    "Saved {}": "Gespeichert: {}",
    "{} frames, {} keys on {} bones; legs {} times the person's.": (
        "{} Bilder, {} Keyframes auf {} Knochen; Beine {}-mal so lang wie die der Person."
    ),
    "There is no take in the scene; capture a video first or choose a motion file.": (
        "In der Szene ist keine Aufnahme; nimm zuerst ein Video auf, oder wähle eine Bewegungsdatei."
    ),
    "No motion file is chosen; choose a .npz file that a capture kept.": (
        "Keine Bewegungsdatei ist gewählt; wähle eine Datei .npz, die eine Aufnahme behalten hat."
    ),
    "The motion lacks the joints {}; capture the video again.": "Der Bewegung fehlen die Gelenke {}; nimm das Video neu auf.",
    "{} is no armature; choose the character's armature.": "{} ist keine Armatur; wähle die Armatur der Figur.",
    "{} is in edit mode; leave it first.": "{} ist im Bearbeitungsmodus; verlasse ihn zuerst.",
    "{} is linked from another file; make a library override of it first.": (
        "{} ist aus einer anderen Datei verknüpft; mache zuerst eine Bibliotheksüberschreibung davon."
    ),
    "{} is linked from another file: it has a library override here now, which carries the motion.": (
        "{} ist aus einer anderen Datei verknüpft: hier gibt es nun eine Bibliotheksüberschreibung davon, welche die Bewegung trägt."
    ),
    "It is linked from another file; Retarget makes a library override of it.": (
        "Sie ist aus einer anderen Datei verknüpft; Übertragen macht eine Bibliotheksüberschreibung davon."
    ),
    "The library override of {} can be edited now.": "Die Bibliotheksüberschreibung von {} lässt sich nun bearbeiten.",
    "Blender can make no library override of {}; append it to this file instead of linking it.": (
        "Blender kann von {} keine Bibliotheksüberschreibung machen; hänge es an diese Datei an, statt es zu verknüpfen."
    ),
    "{}, which carries {}, is animated; clear its animation or the parenting first.": (
        "{}, das {} trägt, ist animiert; lösche zuerst seine Animation oder die Verbindung."
    ),
    "{} or a parent of it is scaled unevenly ({}) or mirrored; apply the scale first.": (
        "{} oder etwas, an dem es hängt, ist ungleichmäßig skaliert ({}) oder gespiegelt; wende zuerst die Skalierung an."
    ),
    "{} has no bones {}; press Find Bones again or pick others.": (
        "{} hat keine Knochen {}; drücke noch einmal Knochen finden, oder wähle andere."
    ),
    "{} stands for two parts of the body; pick another bone for one of them.": (
        "{} steht für zwei Körperteile; wähle für eines einen anderen Knochen."
    ),
    "{} has no bone for {}; pick one in the list.": "{} hat keinen Knochen für {}; wähle einen in der Liste.",
    "{} has no bone {}, which {} names; choose another preset.": "{} hat keinen Knochen {}, den {} nennt; wähle eine andere Vorgabe.",
    "In {} no bone was found for {}; set them in the list of bones.": (
        "In {} fand sich kein Knochen für {}; setze sie in der Liste der Knochen."
    ),
    "{} has no root bone; {}.": "{} hat keinen Wurzelknochen; {}.",
    "{} is moved by a constraint too, which may hide its keys.": (
        "{} wird auch von einem Constraint bewegt, das die Keyframes verdecken kann."
    ),
    "{}, which carries bones with keys, has a {} constraint that Kinolift does not follow; look at the result.": (
        "{}, das Knochen mit Keyframes trägt, hat ein Constraint {}, dem Kinolift nicht folgt; sieh das Ergebnis an."
    ),
    "{} is connected to its parent; {} travels in its place.": "{} ist fest verbunden; {} bewegt sich an seiner Stelle.",
    "{} has FK and IK controls; set it to {} yourself, its switch is not known.": (
        "{} hat FK- und IK-Steuerung; stelle es selbst auf {}, sein Schalter ist nicht bekannt."
    ),
    "--root-heading turns the root bone, and --root-bone hips leaves it still; drop one of them.": (
        "Die Richtung der Wurzel dreht den Wurzelknochen, und die Hüfte lässt ihn still; nimm nur eines davon."
    ),
    "{} is {}; use one of {}.": "{} ist {}; möglich sind {}.",
    "{}; leave out --ik, or name them in a preset.": "{}; lass IK weg, oder nenne sie in einer Vorgabe.",
    "{} {}; Kinolift needs a body with two legs and two arms.": "{} {}; Kinolift braucht einen Körper mit zwei Beinen und zwei Armen.",
    "{}; use another preset or auto.": "{}; nimm eine andere Vorgabe oder die automatische.",
    "There is no preset {}; use {} or a JSON file.": "Es gibt keine Vorgabe {}; nimm {} oder eine JSON-Datei.",
    "The preset {} {}; docs/rigs.md describes the format.": "Die Vorgabe {} {}; docs/rigs.md beschreibt das Format.",
    "The list has no bone for {}; pick them before saving it.": "Die Liste hat keinen Knochen für {}; wähle sie vor dem Speichern.",
    "Presets are kept in the extension's folder; install Kinolift as an extension.": (
        "Vorgaben liegen im Ordner der Erweiterung; installiere Kinolift als Erweiterung."
    ),
    "The preset has no name; type one.": "Die Vorgabe hat keinen Namen; gib einen ein.",
    "{} is no rig file that can be read; use one of {}.": "{} ist keine lesbare Rig-Datei; nimm eine von {}.",
    "There is no rig file {}; check the path.": "Es gibt keine Rig-Datei {}; prüfe den Pfad.",
    "There is no armature in {}; choose the file of a rigged character.": "In {} ist keine Armatur; wähle die Datei einer Figur mit Rig.",
    "There is no armature {} in {}, only {}; check --armature.": "Es gibt keine Armatur {} in {}, nur {}; prüfe den Namen.",
    "{} holds {} armatures ({}); choose one with --armature NAME.": "{} hat {} Armaturen ({}); wähle eine.",
    "{} is the file that is open here; open another one or none to read it as a rig.": (
        "{} ist die Datei, die hier offen ist; öffne eine andere oder keine, um sie als Rig zu lesen."
    ),
    "Blender cannot read {} ({}); export it again.": "Blender kann {} nicht lesen ({}); exportiere es neu.",
}

# What stands in the gaps and in rows: only what nobody would name a thing.
PHRASES: Final = {
    **de_faults.PHRASES,
    "the person found in all": "die Person in allen gefunden",
    "the person found in {}": "die Person in {} gefunden",
    "{} fps": "{} Bildern je Sekunde",
    "{} fps (the video's rate varies about {})": "{} Bildern je Sekunde (die Bildrate des Videos schwankt um {})",
    "{} fps (resampled from the video's {})": "{} Bildern je Sekunde (das Video hat {})",
    "{} s, {} frames a second": "{} s, {} Bilder je Sekunde",
    "{} frames": "{} Bilder",
    "1 place": "1 Stelle",
    "{} places": "{} Stellen",
    "filled": "ergänzt",
    "outside the picture": "außerhalb des Bildes",
    "hidden": "verdeckt",
    "off the picture": "neben dem Bild",
    "hypotheses differ": "Schätzungen uneins",
    "camera too fast": "Kamera zu schnell",
    "a foot stands in {} % of the frames": "ein Fuß steht in {} % der Bilder",
    "the picture was turned by {} degrees": "das Bild war um {} Grad gedreht",
    "the picture slid by {} % of its size": "das Bild glitt um {} % seiner Größe",
    "the lens zoomed by {} %": "das Objektiv zoomte um {} %",
    "the camera turned by {} degrees": "die Kamera drehte sich um {} Grad",
    "the camera turned by {} degrees and moved from its place": "die Kamera drehte sich um {} Grad und bewegte sich vom Fleck",
    "up is known by the scene's lines": "oben zeigen die Linien der Szene",
    "up is known by the person": "oben zeigt die Person",
    "up is known by how cameras are held": "oben zeigt, wie Kameras gehalten werden",
    "{} people were seen and this is person {}": "{} Personen wurden gesehen, und dies ist Person {}",
    "at {} to {} s": "bei {} bis {} s",
    "at {} to {} s and in {} more places": "bei {} bis {} s und an {} weiteren Stellen",
    "does not run": "läuft nicht",
    "does not run ({})": "läuft nicht ({})",
    "has no bones": "hat keine Knochen",
    "has no legs that could be found: no mirrored pair of chains with thigh, shin and foot": (
        "hat keine Beine, die sich finden ließen: kein gespiegeltes Paar von Ketten mit Oberschenkel, Unterschenkel und Fuß"
    ),
    "has no arms beside its legs that could be found": "hat neben den Beinen keine Arme, die sich finden ließen",
    "stands on all fours in its rest pose": "steht in der Ruhepose auf allen vieren",
    "has legs of one more long bone than a person's": "hat Beine mit einem langen Knochen mehr als ein Mensch",
    "stands on its toes with its ankles high, as animals do": "steht auf den Zehen, mit hohen Fersen wie ein Tier",
    "has an animal's feet, as long as its shins": "hat Füße wie ein Tier, so lang wie die Unterschenkel",
    "has an animal's limbs ({} says {})": "hat die Glieder eines Tiers ({} heißt {})",
}
