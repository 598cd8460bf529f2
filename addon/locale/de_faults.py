"""German of what is wrong with files and installations: whole sentences, and the halves that stand in them as the reason or the advice.

Apart from `de_sentences`, which includes both, because they are many and come up seldom.
"""

from __future__ import annotations

from typing import Final

# what a file should be
_KINDS: Final = {
    "motion file": "Bewegungsdatei",
    "detection file": "Erkennungsdatei",
    "camera file": "Kameradatei",
    "take with a motion": "Aufnahme mit Bewegung",
    "list of checksums": "Liste der Prüfsummen",
    "list of clips": "Liste der Clips",
    "preset": "Vorgabe",
}

SENTENCES: Final = {
    # videos
    "{} is incomplete: its index is missing, as after an interrupted copy or recording; copy or export it again.": (
        "{} ist unvollständig: das Verzeichnis fehlt, wie nach abgebrochenem Kopieren oder Aufzeichnen; kopiere oder exportiere es neu."
    ),
    "{} holds no pictures, only sound; give a file with a video in it.": (
        "{} hat keine Bilder, nur Ton; gib eine Datei an, in der ein Video ist."
    ),
    "{} has a video in a format that is not known here; convert it to H.264 MP4.": (
        "{} hat ein Video in einem hier unbekannten Format; wandle es in H.264 MP4 um."
    ),
    "{} is not a video that can be read, or is damaged; give an MP4, MOV, MKV, WebM or AVI file.": (
        "{} ist kein lesbares Video oder beschädigt; gib eine Datei MP4, MOV, MKV, WebM oder AVI an."
    ),
    "Nobody is in the first picture of {}; choose a later start, or capture without choosing.": (
        "Im ersten Bild von {} ist niemand; wähle einen späteren Anfang, oder nimm auf, ohne zu wählen."
    ),
    # options
    "--shot is {}; it takes the number of a shot from 1, {} or {}.": (
        "Die Einstellung ist {}; möglich sind die Nummer einer Einstellung ab 1, {} oder {}."
    ),
    "--person is {}; it takes a person's number from 1, {}, a place as 0.3,0.5 (of width and height) or {}.": (
        "Die Person ist {}; möglich sind die Nummer einer Person ab 1, {}, eine Stelle wie 0.3,0.5 (von Breite und Höhe) oder {}."
    ),
    "{} is {}; give seconds as in 2.5 or frames as in 75f.": "{} ist {}; gib Sekunden an, wie 2.5, oder Bilder, wie 75f.",
    "{} is {}; it goes from {} to {}{}.": "{} ist {}; es geht von {} bis {}{}.",
    "{} is {}; it takes {}.": "{} ist {}; möglich ist {}.",
    "{} is {}; no video lasts longer than {}.": "{} ist {}; kein Video dauert länger als {}.",
    "CUDA was asked for, but there is no torch here that finds a CUDA device; use --device cpu, or install one (python3 kinolift.py setup "
    "--cuda, or in Blender the preference Worker Python).": (
        "CUDA ist verlangt, aber hier ist kein torch, das ein CUDA-Gerät findet; wähle als Gerät CPU, oder installiere eines (python3 "
        "kinolift.py setup --cuda, oder in Blender die Einstellung Python für die Arbeit)."
    ),
    # what was detected, and motion files
    "The motion was not written: {}.": "Die Bewegung wurde nicht geschrieben: {}.",
    "{} holds what was detected from {} to {} seconds; choose --start and --end within, or capture the video again.": (
        "{} hat, was von {} bis {} Sekunden erkannt wurde; wähle Anfang und Ende darin, oder nimm das Video neu auf."
    ),
    "{} names a detector that there is not, {}; capture the video again.": (
        "{} nennt eine Erkennung, die es nicht gibt, {}; nimm das Video neu auf."
    ),
    "{} was detected with the {} network; leave --detector out, or capture the video again.": (
        "{} wurde mit dem Netz {} erkannt; lass die Erkennung, wie sie war, oder nimm das Video neu auf."
    ),
    "{} is not a {} that can be read ({}); {}.": "{} lässt sich nicht als {} lesen ({}); {}.",
    "{} is not an {} that can be read ({}); {}.": "{} lässt sich nicht als {} lesen ({}); {}.",
    **{f"There is no {kind} {{}}; check the path.": f"Es fehlt: {german} {{}}; prüfe den Pfad." for kind, german in _KINDS.items()},
    **{
        f"The {kind} {{}} needs more memory than there is; close other programs.": (
            f"{german} {{}} braucht mehr Speicher, als da ist; schließe andere Programme."
        )
        for kind, german in _KINDS.items()
    },
    # the preview
    "The preview {} could not be written whole; free some space on the disk and try again.": (
        "Die Vorschau {} ließ sich nicht ganz schreiben; schaffe Platz auf der Platte, und versuche es noch einmal."
    ),
    "{} is {} x {} pixels, the video that was captured {}; give that one.": (
        "{} hat {} x {} Bildpunkte, das aufgenommene Video {}; gib jenes an."
    ),
    # networks and installation
    "A package of the installation cannot be loaded ({}); {}.": "Ein Paket der Installation lässt sich nicht laden ({}); {}.",
    "This machine lacks the system libraries {}: install them with `sudo apt-get install {}` (Fedora: `sudo dnf install {}`; Arch: `sudo "
    "pacman -S {}`).": (
        "Dieser Maschine fehlen die Systembibliotheken {}: installiere sie mit `sudo apt-get install {}` (Fedora: `sudo dnf install {}`; "
        "Arch: `sudo pacman -S {}`)."
    ),
    "This machine lacks the system library {}: install the package of your system that has it.": (
        "Dieser Maschine fehlt die Systembibliothek {}: installiere das Paket deines Systems, das sie hat."
    ),
    "MediaPipe is not installed in this Python; {}.": "MediaPipe ist in diesem Python nicht installiert; {}.",
    "The heavy detector's weights {} are missing or damaged ({}); get them back with `git checkout -- engine/weights`.": (
        "Die Gewichte der großen Erkennung, {}, fehlen oder sind beschädigt ({}); hole sie mit `git checkout -- engine/weights` zurück."
    ),
    "{} cannot be read ({}); check the path.": "{} ist nicht lesbar ({}); prüfe den Pfad.",
    "{} is not the heavy network that was tested; take the one of the package named.": (
        "{} ist nicht das große Netz, das geprüft wurde; nimm das aus dem genannten Paket."
    ),
    "The detector's model came out different from the one that was tested ({}): the versions of mediapipe and flatbuffers are not the "
    "pinned ones; set the environment up again.": (
        "Das Modell der Erkennung wurde ein anderes als das geprüfte ({}): mediapipe und flatbuffers sind nicht in den festgelegten "
        "Versionen da; richte die Umgebung neu ein."
    ),
    "{} came out different from the one that was tested ({}); set the environment up again.": (
        "{} wurde anders als die geprüfte Datei ({}); richte die Umgebung neu ein."
    ),
    "The detector's model {} is damaged; {}.": "Das Modell {} der Erkennung ist beschädigt; {}.",
    "The detector's model {} is missing ({}); {}.": "Das Modell {} der Erkennung fehlt ({}); {}.",
    "{} in {} is not the file that was tested; take the wheel of MediaPipe 0.10.21.": (
        "{} in {} ist nicht die Datei, die geprüft wurde; nimm das Wheel von MediaPipe 0.10.21."
    ),
    "{} is not the MediaPipe 0.10.21 wheel that carries the detector's model ({}); set the environment up again.": (
        "{} ist nicht das Wheel von MediaPipe 0.10.21, in dem das Modell der Erkennung liegt ({}); richte die Umgebung neu ein."
    ),
    "The graph beside the weights was made for another layout ({}); {}.": (
        "Der Graph neben den Gewichten ist für einen anderen Aufbau gemacht ({}); {}."
    ),
    "The graph of {} and its weights do not fit or are damaged ({}); {}.": (
        "Der Graph von {} und seine Gewichte passen nicht zusammen oder sind beschädigt ({}); {}."
    ),
    "The refiner runs without a CUDA graph, which is slower but as exact ({}).": (
        "Die Verfeinerung läuft ohne CUDA-Graph, langsamer, aber ebenso genau ({})."
    ),
    "The refiner runs without its fused GPU kernels, which is slower but as exact ({}).": (
        "Die Verfeinerung läuft ohne ihre eigenen GPU-Kerne, langsamer, aber ebenso genau ({})."
    ),
    "The weights hold no lifter; give --lifter or --predictions.": "Die Gewichte enthalten kein Netz zum Heben; gib eines an.",
    "There are no weights {}; check the path.": "Es gibt keine Gewichte {}; prüfe den Pfad.",
    "{} holds no pose model of this version ({}); give the file that `train` wrote.": (
        "{} enthält kein Posenmodell dieser Version ({}); gib die Datei an, die `train` geschrieben hat."
    ),
    "The weights of the {} have another layout than this version's; {}.": (
        "Die Gewichte ({}) haben einen anderen Aufbau als die dieser Version; {}."
    ),
    "{} is of a refiner, and none is asked for; add --refiner window or --refiner frame.": (
        "{} gehört zu einer Verfeinerung, und keine ist gewünscht; füge --refiner window oder --refiner frame hinzu."
    ),
    "The weights file {} cannot be read ({}); {}.": "Die Datei {} mit Gewichten ist nicht lesbar ({}); {}.",
    "The weights file {} is damaged (its checksum differs); {}.": (
        "Die Datei {} mit Gewichten ist beschädigt (ihre Prüfsumme ist eine andere); {}."
    ),
    "The weights file {} is missing; {}.": "Die Datei {} mit Gewichten fehlt; {}.",
}

PHRASES: Final = {
    # what a file should be, and what to do about it
    **_KINDS,
    "capture the video again": "nimm das Video neu auf",
    "write it again": "schreibe sie neu",
    "mend or delete it": "berichtige oder lösche sie",
    "see docs/batch.md for what it holds": "siehe docs/batch.md, was darin steht",
    "choose another name": "wähle einen anderen Namen",
    "choose another name, or Replace Existing": "wähle einen anderen Namen, oder Vorhandene ersetzen",
    "choose another name, or add {} to replace it": "wähle einen anderen Namen, oder ersetze sie mit {}",
    "run `python3 kinolift.py setup --again`, or install the extension again in Blender": (
        "führe `python3 kinolift.py setup --again` aus, oder installiere die Erweiterung in Blender neu"
    ),
    "get the files of engine/weights again (git checkout engine/weights, or install the extension anew)": (
        "hole die Dateien in engine/weights neu (git checkout engine/weights, oder installiere die Erweiterung neu)"
    ),
    "give one that a training wrote, with the SHA256SUMS of its folder": (
        "gib eine an, die ein Training geschrieben hat, mit der SHA256SUMS ihres Ordners"
    ),
    "get the files of engine/weights again (`git checkout -- engine/weights` in Kinolift's folder, or install the extension anew)": (
        "hole die Dateien in engine/weights neu (`git checkout -- engine/weights` in Kinolifts Ordner, oder installiere die Erweiterung "
        "neu)"
    ),
    "leave out --root-heading": "lass die Wurzel sich nicht drehen",
    "use --root-bone hips": "nimm als Weg die Hüfte",
    "{} has no known IK control for {}": "{} hat keine bekannte IK-Steuerung für {}",
    "no reason given": "ohne Begründung",
    "Worker Python above": "Python für die Arbeit darüber",
    "a Python that `kinolift.py setup` has made": "ein Python, das `kinolift.py setup` gemacht hat",
    **{
        f"{{}}: {{}} s, {side}": f"{{}}: {{}} s, {german}"
        for side, german in (("on the left", "links"), ("in the middle", "in der Mitte"), ("on the right", "rechts"))
    },
    "a number of many digits": "eine Zahl mit vielen Stellen",
    "{} is not a kind of file that can be written": "{} ist keine Art von Datei, die sich schreiben lässt",
    "the name has no extension": "der Name hat keine Endung",
    # of videos
    "{} is {} seconds ({} frames) long": "{} ist {} Sekunden ({} Bilder) lang",
    "--start {} to --end {}": "Anfang {} bis Ende {}",
    "the part asked for": "dem verlangten Teil",
    "its pictures are {} seconds apart, which no camera does: its time stamps are damaged": (
        "seine Bilder liegen {} Sekunden auseinander, was keine Kamera tut: die Zeitangaben sind beschädigt"
    ),
    "it has a picture only every {} seconds, too few to tell a motion from": (
        "es hat nur alle {} Sekunden ein Bild, zu wenige, um eine Bewegung zu erkennen"
    ),
    "by its time stamps it lasts {} hours, which no video does": "nach seinen Zeitangaben dauert es {} Stunden, was kein Video tut",
    "a preview is drawn over the video; capture that": "eine Vorschau wird über das Video gezeichnet; nimm jenes auf",
    "it is kept already; leave --keep-detection out": "sie ist schon behalten; lass das Behalten weg",
    # why a file cannot be read
    "a placeholder of Git LFS": "ein Platzhalter von Git LFS",
    "it is nested too deep": "es ist zu tief verschachtelt",
    "it holds a number that is too large": "es enthält eine zu große Zahl",
    "it is not UTF-8 text": "es ist kein Text in UTF-8",
    "it is cut off": "es ist abgeschnitten",
    "its compressed data are damaged": "seine gepackten Daten sind beschädigt",
    "it holds {}, which is no number": "es enthält {}, was keine Zahl ist",
    "its JSON is larger than {} MB": "sein JSON ist größer als {} MB",
    "its JSON is nested too deep": "sein JSON ist zu tief verschachtelt",
    "it is larger than {} MB": "es ist größer als {} MB",
    "it lacks {}": "es fehlt {}",
    "its schema is {}": "sein Schema ist {}",
    "its schema is {}, and this version reads {}": "sein Schema ist {}, und diese Version liest {}",
    "its motion's schema is {}, and this version reads {}": "das Schema der Bewegung ist {}, und diese Version liest {}",
    "its {} is {}": "{} ist {}",
    "its {} is {} {}": "{} ist {} {}",
    "its {} is {} {} where {} {} is due": "{} ist {} {} statt {} {}",
    "its {} is no text": "{} ist kein Text",
    "its {} is no number": "{} ist keine Zahl",
    "its {} is no array": "{} ist kein Feld",
    "its {} is too long": "{} ist zu lang",
    "its {} is pickled": "{} ist gepickelt",
    "its {} is not pickled": "{} ist nicht gepickelt",
    "its {} holds no numbers": "{} enthält keine Zahlen",
    "its {} has the shape {}": "{} hat die Form {}",
    "its {} has the shape {} where {} is due": "{} hat die Form {} statt {}",
    "its {} has an impossible shape": "{} hat eine unmögliche Form",
    "its {} holds values of the type {}": "{} enthält Werte der Art {}",
    "its {} holds values that are not finite numbers": "{} enthält Werte, die keine endlichen Zahlen sind",
    "its {} holds numbers that are too large": "{} enthält zu große Zahlen",
    "its {} hold numbers that are too large": "{} enthalten zu große Zahlen",
    "its {} holds flags that are neither true nor false": "{} enthält Angaben, die weder wahr noch falsch sind",
    "its {} holds characters that there are not": "{} enthält Zeichen, die es nicht gibt",
    "its {} holds values of no size": "{} enthält Werte ohne Größe",
    "its {} has {} bytes where its header says {}": "{} hat {} Byte, und sein Kopf sagt {}",
    "its {} is an array of a kind that is not used here": "{} ist ein Feld einer Art, die hier nicht vorkommt",
    "the header of its {} is too long": "der Kopf von {} ist zu lang",
    "{} holds objects": "{} enthält Objekte",
    "it holds more than {} arrays": "es enthält mehr als {} Felder",
    "it unpacks to far more than its size allows": "ausgepackt ist es viel größer, als es sein dürfte",
    "it holds two arrays of one name": "es enthält zwei Felder eines Namens",
    "it is encrypted": "es ist verschlüsselt",
    "it is compressed in a way that no .npz is": "es ist auf eine Weise gepackt wie keine .npz",
    "its arrays do not fit together": "seine Felder passen nicht zusammen",
    "it has no frames": "es hat keine Bilder",
    "it has {} frames": "es hat {} Bilder",
    "it has {} joints": "es hat {} Gelenke",
    "it has two joints of one name": "es hat zwei Gelenke eines Namens",
    "its frame rate is {}, which no video has": "seine Bildrate ist {}, wie bei keinem Video",
    "its joints are out of order": "seine Gelenke sind nicht in der Ordnung",
    "its joints are out of order: the root comes first, parents before children": (
        "seine Gelenke sind nicht in der Ordnung: zuerst die Wurzel, Eltern vor Kindern"
    ),
    "its alternatives lie in frames that it has not": "seine Alternativen liegen in Bildern, die es nicht hat",
    "its alternatives have more or fewer frames than rotations": "seine Alternativen haben mehr oder weniger Bilder als Drehungen",
    "it has alternatives of {}, which it has not": "es hat Alternativen für {}, was es nicht hat",
    "it has {} and not all that belongs to it": "es hat {} und nicht alles, was dazugehört",
    "its times do not rise": "seine Zeiten steigen nicht",
    "its times do not rise by a frame at least": "seine Zeiten steigen nicht um wenigstens ein Bild",
    "its rotations hold quaternions of no length": "seine Drehungen enthalten Quaternionen ohne Länge",
    "its image_size is not positive": "seine Bildgröße ist nicht positiv",
    "its provenance is not the JSON object that it should be": "seine Herkunft ist nicht das JSON-Objekt, das sie sein sollte",
    "its quality report holds figures that are no numbers": "sein Gütebericht enthält Angaben, die keine Zahlen sind",
    "its quality report names a stretch without bounds or reason": "sein Gütebericht nennt eine Stelle ohne Grenzen oder Grund",
    "its {} are not as they are written": "{} sind nicht, wie sie geschrieben werden",
    "its camera has no place": "seine Kamera hat keinen Ort",
    # of cameras
    "its unit is {}": "seine Einheit ist {}",
    "its values are not finite or its moments do not rise": "seine Werte sind nicht endlich, oder seine Zeiten steigen nicht",
    "its values are too large": "seine Werte sind zu groß",
    "its rotations are none": "seine Drehungen sind keine",
    "its focal length is not positive": "seine Brennweite ist nicht positiv",
    # of detections
    "its corners lie outside of any picture": "seine Ecken liegen außerhalb jedes Bildes",
    "its lines lie outside of any picture": "seine Linien liegen außerhalb jedes Bildes",
    "its landmarks lie outside of any picture": "seine Punkte liegen außerhalb jedes Bildes",
    "its cuts are {} {}": "seine Schnitte sind {} {}",
    "its cuts are in no order": "seine Schnitte sind nicht in der Ordnung",
    "its background is in no order": "sein Hintergrund ist nicht in der Ordnung",
    "its frames are no list": "seine Bilder sind keine Liste",
    "its sightings are in no order": "sein Erkanntes ist nicht in der Ordnung",
    "it has somebody in frames that were not looked at": "es hat jemanden in Bildern, die niemand ansah",
    "its people are no list": "seine Personen sind keine Liste",
    "its people are numbered wrongly": "seine Personen sind falsch nummeriert",
    "its people are in frames that there are not": "seine Personen sind in Bildern, die es nicht gibt",
    "its people are in no order": "seine Personen sind nicht in der Ordnung",
    "its facts are not those that are due": "seine Angaben sind nicht die, die es haben muss",
    "its facts hold flags that are neither true nor false": "seine Angaben enthalten, was weder wahr noch falsch ist",
    "its versions are no texts": "seine Versionen sind keine Texte",
    "its warnings are no list": "seine Hinweise sind keine Liste",
    "its warnings are no texts": "seine Hinweise sind keine Texte",
    "its span has no two ends": "seine Spanne hat keine zwei Enden",
    "its span ends before it begins": "seine Spanne endet, bevor sie beginnt",
    # of presets
    "is not a JSON object": "ist kein JSON-Objekt",
    "has the schema {}, not {}": "hat das Schema {}, nicht {}",
    "has unknown keys: {}": "hat unbekannte Schlüssel: {}",
    'has a "title" or "about" that is no text': 'hat ein "title" oder "about", das kein Text ist',
    'lacks "bones", an object of roles': 'hat kein "bones", ein Objekt von Rollen',
    'has "prefixes" that are not a list of texts': 'hat "prefixes", die keine Liste von Texten sind',
    "has more than {} prefixes": "hat mehr als {} Anfänge",
    "has the prefix {}; prefixes are plain text, not patterns": "hat den Anfang {}; Anfänge sind einfacher Text, keine Muster",
    'has an "ik" that is not an object of bone names': 'hat ein "ik", das kein Objekt von Knochennamen ist',
    'has a "rank" that is not a whole number': 'hat einen "rank", der keine ganze Zahl ist',
    'has an "ik_rest" that is not a list of bone names': 'hat ein "ik_rest", das keine Liste von Knochennamen ist',
    'has "switches" that are not a list of objects with "bone", "property", and numbers for "fk" or "ik"': (
        'hat "switches", die keine Liste von Objekten mit "bone", "property" und Zahlen für "fk" oder "ik" sind'
    ),
    "names the role {}, which there is not": "nennt die Rolle {}, die es nicht gibt",
    "does not name the bones of {} rightly": "nennt die Knochen von {} nicht richtig",
    # of rigs and what was written
    "its JSON is no object": "sein JSON ist kein Objekt",
    "it has an accessor without a count": "es hat einen Accessor ohne Anzahl",
    "its accessors count more values than the file holds": "seine Accessors zählen mehr Werte, als die Datei hat",
    "it has more than {} nodes": "es hat mehr als {} Knoten",
    "its {} are not a list of objects": "{} sind keine Liste von Objekten",
    "a node has children that there are not": "ein Knoten hat Kinder, die es nicht gibt",
    "its nodes hang in a circle, or too deep": "seine Knoten hängen im Kreis oder zu tief",
    "a node hangs on two others": "ein Knoten hängt an zwei anderen",
    "it is no binary glTF file": "es ist keine binäre glTF-Datei",
    "it is no whole glTF file": "es ist keine ganze glTF-Datei",
    "it is no binary FBX": "es ist keine binäre FBX",
    "its frames are not as many as it says": "es hat nicht so viele Bilder, wie es sagt",
    "it holds a line that is no checksum and a name": "es hat eine Zeile, die keine Prüfsumme mit Namen ist",
    "An order to the worker is a line with a JSON list of words.": (
        "Ein Auftrag an den Arbeitsprozess ist eine Zeile mit einer JSON-Liste von Worten."
    ),
    "The graph {} cannot be read ({}); {}.": "Der Graph {} kann nicht gelesen werden ({}); {}.",
}
