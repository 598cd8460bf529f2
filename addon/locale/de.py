"""German. A test holds that every label, tooltip and choice of ours stands here."""

from __future__ import annotations

from typing import Final

_NUMBERED = 100  # as many shots have a name at most
_PARTS: Final = {  # of the body, with the ending of "links" and "rechts"
    "Clavicle": ("Schlüsselbein", "es"), "Upper Arm": ("Oberarm", "er"), "Forearm": ("Unterarm", "er"), "Hand": ("Hand", "e"),
    "Thigh": ("Oberschenkel", "er"), "Shin": ("Unterschenkel", "er"), "Foot": ("Fuß", "er"), "Toe": ("Zehen", "e"),
}  # fmt: skip
_ROLES: Final = {
    **{f"Left {part}": f"Link{ending} {word}" for part, (word, ending) in _PARTS.items()},
    **{f"Right {part}": f"Recht{ending} {word}" for part, (word, ending) in _PARTS.items()},
    "Spine": "Wirbelsäule",
    "Neck": "Hals",
    "Head": "Kopf",
}

WORDS: Final = {
    # the folds and what stands in them
    "Video": "Video",
    "Capture": "Aufnehmen",
    "Review": "Prüfen",
    "Character": "Figur",
    "Export": "Exportieren",
    "Camera": "Kamera",
    "Result": "Ergebnis",
    "Advanced": "Erweitert",
    "Quality Report": "Gütebericht",
    "Show this step": "Diesen Schritt zeigen",
    "Refine Again": "Neu verfeinern",
    "Capture Next": "Danach aufnehmen",
    "Missing": "Es fehlt",
    "{what} begins": "{what} beginnt",
    "{what}: {share}. Esc: cancel": "{what}: {share}. Esc: abbrechen",
    "{done} of {total}": "{done} von {total}",
    "Choose or drop a video": "Video wählen oder ablegen",
    "Beginning": "Anfang",
    "Open": "Offen",
    "Found by: {way}": "Gefunden durch: {way}",
    "{count} more in the queue": "{count} weitere warten",
    "There is no movie clip or strip in this file": "In dieser Datei ist kein Filmclip oder Filmstreifen",
    "Kinolift is capturing. Esc over its panel: cancel": "Kinolift nimmt auf. Esc über seinem Bereich: abbrechen",
    "About 20 s for a minute of video: to see whether the shot works.": "Etwa 20 s je Minute Video: um zu sehen, ob die Einstellung taugt.",
    "About a minute for a minute of video.": "Etwa eine Minute je Minute Video.",
    # the stages of a capture
    "Starting": "Beginnt",
    "Finding the person": "Sucht die Person",
    "Following the others": "Den anderen folgen",
    "Lifting to 3D": "Hebt in den Raum",
    "Refining": "Verfeinert",
    "Building the motion": "Baut die Bewegung",
    "Drawing the preview": "Zeichnet die Vorschau",
    "Building the armature": "Baut die Armatur",
    "Exporting": "Exportiert",
    # the video
    "Choose Video": "Video wählen",
    "Choose the video to capture": "Das Video wählen, das aufgenommen wird",
    "The video to capture": "Das Video, das aufgenommen wird",
    "Capture with Kinolift": "Mit Kinolift aufnehmen",
    "Take the video that was dropped on the view, or lies in this file, as the one to capture":
        "Das Video nehmen, das auf die Ansicht gezogen wurde oder in dieser Datei liegt",
    "Video of a person": "Video einer Person",
    "Videos in This File": "Videos in dieser Datei",
    "Range from Timeline": "Bereich der Zeitleiste",
    "Capture the part of the video under the timeline's preview range; without one, between the first and the last selected marker":
        "Den Teil des Videos unter dem Vorschaubereich der Zeitleiste aufnehmen; ohne einen den zwischen der ersten und der "
        "letzten gewählten "
        "Markierung",
    "Start": "Anfang",
    "End": "Ende",
    "Where to begin: seconds (2.5) or frames (75f). Empty: the beginning":
        "Wo es beginnt: Sekunden (2.5) oder Bilder (75f). Leer: am Anfang",
    "Where to stop: seconds (2.5) or frames (75f). Empty: the end": "Wo es endet: Sekunden (2.5) oder Bilder (75f). Leer: am Ende",
    # capturing
    "Turn the person in a video into an animated armature": "Aus der Person in einem Video eine bewegte Armatur machen",
    "Capture the chosen video with the options of the panel": "Das gewählte Video mit den Einstellungen des Bereichs aufnehmen",
    "Cancel": "Abbrechen",
    "End the running capture; nothing is changed": "Die laufende Aufnahme beenden; nichts wird verändert",
    "Quality": "Güte",
    "Draft": "Entwurf",
    "Good": "Gut",
    "Own": "Eigene",
    "The quick network": "Das schnelle Netz",
    "The exact network": "Das genaue Netz",
    "What is set under Advanced": "Was unter Erweitert eingestellt ist",
    "Capture Presets": "Vorgaben der Aufnahme",
    "Add Capture Preset": "Vorgabe hinzufügen",
    "Keep the settings of the capture as a preset, for every file": "Die Einstellungen der Aufnahme als Vorgabe behalten, für jede Datei",
    "Height": "Größe",
    "The person's height; it sets the scale of the motion": "Die Größe der Person; sie bestimmt den Maßstab der Bewegung",
    "The person's height in metres; it sets the scale of the motion":
        "Die Größe der Person in Metern; sie bestimmt den Maßstab der Bewegung",
    "Field of View": "Blickwinkel",
    "Of the camera, in degrees along the picture's longer side": "Der Kamera, in Grad entlang der längeren Seite des Bildes",
    "Of the camera, in degrees along the picture's longer side. 0: from the file if it says, else estimated":
        "Der Kamera, in Grad entlang der längeren Seite des Bildes. 0: aus der Datei, wenn sie ihn nennt, sonst geschätzt",
    "Give the camera's field of view. Else it is read from the file, or estimated from the person":
        "Den Blickwinkel der Kamera angeben. Sonst wird er aus der Datei gelesen oder an der Person geschätzt",
    "Detector": "Erkennung",
    "Which of MediaPipe's networks finds the joints in the picture": "Welches Netz von MediaPipe die Gelenke im Bild findet",
    "Heavy": "Groß",
    "Nearer to the truth, and takes three times as long": "Genauer, und dreimal so lang",
    "Full": "Klein",
    "Quicker and less exact, most of all in depth": "Schneller und ungenauer, vor allem in der Tiefe",
    "Device": "Gerät",
    "Where the networks behind the detector run": "Wo die Netze hinter der Erkennung laufen",
    "Automatic": "Selbsttätig",
    "The graphics card if it can be used, else the processor": "Die Grafikkarte, wenn sie es kann, sonst der Prozessor",
    "CPU": "CPU",
    "The processor": "Der Prozessor",
    "CUDA": "CUDA",
    "An NVIDIA graphics card": "Eine Grafikkarte von NVIDIA",
    "Hypotheses": "Schätzungen",
    "Refined guesses that are averaged. More are steadier and slower":
        "Verfeinerte Schätzungen, die gemittelt werden. Mehr sind ruhiger und langsamer",
    "Steps": "Schritte",
    "Steps of the diffusion refiner. 0 leaves it out": "Schritte der Verfeinerung durch Diffusion. 0 lässt sie weg",
    "Refiner": "Verfeinerung",
    "What refines the lifted poses; none is nearer to the truth on the whole":
        "Was die gehobenen Posen verfeinert; im Ganzen liegt keine näher an der Wahrheit",
    "The lifted poses as they are": "Die gehobenen Posen, wie sie sind",
    "None": "Keine",
    "Single Frames": "Einzelne Bilder",
    "The paper's network, which sees one frame at a time": "Das Netz der Veröffentlichung, das ein Bild auf einmal sieht",
    "Over Time": "Über die Zeit",
    "Two seconds at a time, with gravity: straightens the legs of who stands":
        "Zwei Sekunden auf einmal, mit der Schwerkraft: streckt die Beine dessen, der steht",
    "Seed": "Startwert",
    "The same seed gives the same motion": "Derselbe Startwert gibt dieselbe Bewegung",
    "Smooth": "Glätten",
    "Smoothing over time: 0 leaves the motion as it was found": "Glättung über die Zeit: 0 lässt die Bewegung, wie sie gefunden wurde",
    "Feet": "Füße",
    "Whether standing feet are held still": "Ob stehende Füße festgehalten werden",
    "Standing feet are held on their spot, feet that really slide are not":
        "Stehende Füße werden auf ihrer Stelle gehalten, solche, die wirklich gleiten, nicht",
    "Always": "Immer",
    "Feet are held wherever they touch the ground": "Füße werden gehalten, wo sie den Boden berühren",
    "Never": "Nie",
    "Feet stay where they were seen": "Füße bleiben, wo sie gesehen wurden",
    "Root": "Weg",
    "What happens to the path through the room": "Was mit dem Weg durch den Raum geschieht",
    "Motion": "Bewegung",
    "The hips move through the room as the person did": "Die Hüfte bewegt sich durch den Raum wie die Person",
    "In Place": "Auf der Stelle",
    "The person stays on the spot": "Die Person bleibt auf der Stelle",
    "Camera Motion": "Kamerabewegung",
    "Whether the camera that filmed the video turned": "Ob sich die Kamera gedreht hat, die gefilmt hat",
    "The background tells, and a still camera is left alone": "Der Hintergrund sagt es, und eine ruhige Kamera bleibt ruhig",
    "Still": "Ruhig",
    "It stood still, whatever the background does": "Sie stand still, was auch der Hintergrund tut",
    "Turning": "Drehend",
    "It turned: believe what the background says, however little that is":
        "Sie hat sich gedreht: dem Hintergrund glauben, so wenig er auch sagt",
    "Level": "Waagerechte",
    "What tells which way is up": "Was sagt, wo oben ist",
    "The scene's lines, the feet, balance and the body, each as far as it is sure":
        "Die Linien der Szene, die Füße, das Gleichgewicht und der Körper, jedes, so weit es sicher ist",
    "The scene's lines, or a camera that was held level: for people who lie or hang":
        "Die Linien der Szene oder eine gerade gehaltene Kamera: für Menschen, die liegen oder hängen",
    "Body": "Körper",
    "The body and its feet alone: for a camera held askew, and a person who stands or walks":
        "Nur der Körper und seine Füße: für eine schief gehaltene Kamera und jemanden, der steht oder geht",
    "Use Scene Camera": "Kamera der Szene",
    "The scene's camera, which may move and zoom, is the one that filmed the video, solved beforehand; the video's first "
    "frame is the first of "
    "the scene's range. The motion lands where the person was":
        "Die Kamera der Szene, die sich bewegen und zoomen darf, hat das Video gefilmt und ist vorher berechnet; das erste Bild "
        "des Videos ist "
        "das erste der Szene. Die Bewegung steht, wo die Person war",
    "Frame Rate": "Bildrate",
    "Which frame rate the scene has afterwards": "Welche Bildrate die Szene danach hat",
    "A scene without animation gets the video's rate and range, any other keeps its own":
        "Eine Szene ohne Animation bekommt Rate und Bereich des Videos, jede andere behält ihre",
    "Keep Scene's": "Die der Szene",
    "The scene keeps its rate, and keys stand on its frames in the right time":
        "Die Szene behält ihre Rate, und Keyframes stehen auf ihren Bildern, zur rechten Zeit",
    "Match Video": "An Video angleichen",
    "The Video's": "Die des Videos",
    "The scene gets the video's rate and the frame range of the motion":
        "Die Szene bekommt die Rate des Videos und den Bereich der Bewegung",
    "Set Frame Range": "Bereich setzen",
    "Gives the scene the frame range of the motion": "Gibt der Szene den Bereich der Bewegung",
    "Add Camera": "Kamera hinzufügen",
    "Adds the camera that filmed the video with the video behind it, makes it the scene's camera, and gives the render the "
    "video's size, where "
    "the scene is not animated already":
        "Fügt die Kamera hinzu, die gefilmt hat, mit dem Video dahinter, macht sie zu der der Szene und gibt dem Bild die Größe "
        "des Videos, wo "
        "in der Szene noch nichts bewegt ist",
    "Simplify": "Vereinfachen",
    "Fewer keys, within the errors below. Else there is a key on every frame":
        "Weniger Keyframes, innerhalb der Fehler darunter. Sonst steht auf jedem Bild einer",
    "Degrees": "Grad",
    "No bone turns off by more, seen from its parent, at any frame":
        "Kein Knochen dreht sich weiter davon weg, von seinem Elternteil gesehen",
    "Millimetres": "Millimeter",
    "No bone moves off by more, seen from its parent, at any frame": "Kein Knochen rückt weiter davon weg, von seinem Elternteil gesehen",
    "Play": "Abspielen",
    "Starts to play when the take is there": "Beginnt abzuspielen, wenn die Aufnahme da ist",
    "Keep Motion": "Bewegung behalten",
    "Keeps the motion file here (.npz). Empty: it is not kept": "Behält die Bewegungsdatei hier (.npz). Leer: sie wird nicht behalten",
    "Load Motion": "Bewegung laden",
    "Build an armature from a motion file that was kept": "Eine Armatur aus einer behaltenen Bewegungsdatei bauen",
    "Person": "Person",
    "People": "Personen",
    "Whose motion: main, largest, left, right, a number, all, or a place in the picture such as 0.3,0.5":
        "Wessen Bewegung: main, largest, left, right, eine Nummer, all, oder eine Stelle im Bild wie 0.3,0.5",
    "So many are looked for at most. 1: nobody beside the first who is found":
        "So viele werden höchstens gesucht. 1: niemand neben der ersten, die gefunden wird",
    "Whose motion is captured, where several people are seen": "Wessen Bewegung aufgenommen wird, wo mehrere zu sehen sind",
    "Who is seen longest, large, in the middle and moving": "Wer am längsten zu sehen ist, groß, in der Mitte und bewegt",
    "Largest": "Größte",
    "Who is largest in the picture": "Wer im Bild am größten ist",
    "Left": "Links",
    "Who is furthest to the left, on average": "Wer im Mittel am weitesten links ist",
    "Right": "Rechts",
    "Who is furthest to the right, on average": "Wer im Mittel am weitesten rechts ist",
    **{f"Person {n}": f"Person {n}" for n in range(1, _NUMBERED)},
    "By the number in the quality report of an earlier capture": "Nach der Nummer im Gütebericht einer früheren Aufnahme",
    "A take of everybody who is seen": "Eine Aufnahme von allen, die zu sehen sind",
    "In the Picture": "Im Bild",
    "Who was chosen in the first frame; Find People shows it": "Wer im ersten Bild gewählt wurde; Personen finden zeigt es",
    "Find People": "Personen finden",
    "Look at the first frame of the range and show who is in it, to choose whose motion is captured":
        "Das erste Bild des Bereichs ansehen und zeigen, wer darin ist, um zu wählen, wessen Bewegung aufgenommen wird",
    "The first frame is being looked at": "Das erste Bild wird angesehen",
    "Choose Person": "Person wählen",
    "Capture the motion of this person": "Die Bewegung dieser Person aufnehmen",
    "A number, a word or a place in the picture, as the option says it":
        "Eine Nummer, ein Wort oder eine Stelle im Bild, wie die Option es sagt",
    "Shot": "Einstellung",
    "Which part of a video with cuts": "Welcher Teil eines Videos mit Schnitten",
    "Longest": "Längste",
    "The shot that shows a person for longest": "Die Einstellung, die am längsten eine Person zeigt",
    "All": "Alle",
    "A take of every shot in which somebody is seen": "Eine Aufnahme von jeder Einstellung, in der jemand zu sehen ist",
    **{f"Shot {n}": f"Einstellung {n}" for n in range(1, _NUMBERED)},
    **{f"Number {n} in the order of time": f"Nummer {n} in der Reihenfolge der Zeit" for n in range(1, _NUMBERED)},
    # reviewing
    "Make the take's motion anew with other smoothing, feet, height or lens; the video is not looked at again. What is not named stays":
        "Die Bewegung neu machen, mit anderer Glättung, anderen Füßen, anderer Größe oder Linse; das Video wird nicht mehr "
        "angesehen. Was nicht "
        "genannt ist, bleibt",
    "Make the take's motion anew with the settings above; the video is not looked at again":
        "Die Bewegung mit den Einstellungen darüber neu machen; das Video wird nicht mehr angesehen",
    "Next Unsure": "Nächste Unsichere",
    "Other Depth": "Andere Tiefe",
    "Let the limb point the other way in depth around this frame: it looks the same in the video, and different from the side. Again: the "
    "next way, and at last as captured":
        "Das Glied rings um dieses Bild in der Tiefe anders zeigen lassen: im Video sieht es gleich aus, von der Seite anders. Noch "
        "einmal: die nächste Möglichkeit, am Ende wie aufgenommen",
    "Limb": "Glied",
    "Left Arm": "Linker Arm",
    "Right Arm": "Rechter Arm",
    "Left Leg": "Linkes Bein",
    "Right Leg": "Rechtes Bein",
    "Next Person": "Nächste Person",
    "Go to the take of the next person of the video; it is made of what was detected where there is none yet":
        "Zur Aufnahme der nächsten Person des Videos gehen; aus dem Erkannten gemacht, wo es noch keine gibt",
    "Nobody else is seen in this take's video": "Im Video dieser Aufnahme ist sonst niemand zu sehen",
    "Next Shot": "Nächste Einstellung",
    "Go to the take of the next shot of the video; it is made of what was detected where there is none yet":
        "Zur Aufnahme der nächsten Einstellung des Videos gehen; aus dem Erkannten gemacht, wo es noch keine gibt",
    "This take's video has no other shot": "Das Video dieser Aufnahme hat keine andere Einstellung",
    "Person {number} of {all}": "Person {number} von {all}",
    "Shot {number} of {all}": "Einstellung {number} von {all}",
    "Go to the next stretch that the capture is unsure of": "Zur nächsten Stelle gehen, an der die Aufnahme unsicher ist",
    "Mark Unsure Stretches": "Unsichere Stellen markieren",
    "Set timeline markers where the capture is unsure of the person, so that you know where to look":
        "Markierungen setzen, wo die Aufnahme der Person unsicher ist, damit man weiß, wohin man sehen muss",
    "Give the scene the clip's frame rate and range, and the take a key on every frame of the clip":
        "Der Szene Rate und Bereich des Videos geben und der Aufnahme einen Keyframe auf jedem seiner Bilder",
    "Simplify Keys": "Keyframes vereinfachen",
    "Reduce the keys of the active armature's action, so that no bone is further off than stated":
        "Die Keyframes der aktiven Armatur verringern, so dass kein Knochen weiter abweicht als angegeben",
    "Mark as Asset": "Als Asset markieren",
    "Put the take into the asset library of this file: the armature, and its action for other characters":
        "Die Aufnahme in die Asset-Bibliothek dieser Datei legen: die Armatur, und ihre Aktion für andere Figuren",
    # the character
    "The armature that gets the motion": "Die Armatur, die die Bewegung bekommt",
    "Take": "Aufnahme",
    "File": "Datei",
    "An armature that a capture made": "Eine Armatur, die eine Aufnahme gemacht hat",
    "A motion file that was kept (.npz)": "Eine behaltene Bewegungsdatei (.npz)",
    "The captured armature; empty: the one captured last": "Die aufgenommene Armatur; leer: die zuletzt aufgenommene",
    "Motion File": "Bewegungsdatei",
    "Preset": "Vorgabe",
    "How the character's bones are named": "Wie die Knochen der Figur heißen",
    "The character moves through the room": "Die Figur bewegt sich durch den Raum",
    "The character stays on the spot": "Die Figur bleibt auf der Stelle",
    "Travel On": "Weg auf",
    "Which bone carries the path along the ground": "Welcher Knochen den Weg über den Boden trägt",
    "The root bone where there is one": "Der Wurzelknochen, wo es einen gibt",
    "Hips": "Hüfte",
    "The hips": "Die Hüfte",
    "Root Bone": "Wurzelknochen",
    "The root bone": "Der Wurzelknochen",
    "Whether standing feet are held on the ground": "Ob stehende Füße auf dem Boden gehalten werden",
    "Standing feet are held, and slide as far as the person's do": "Stehende Füße werden gehalten und gleiten so weit wie die der Person",
    "Standing feet are held on one spot each": "Stehende Füße werden auf je einer Stelle gehalten",
    "Legs stay as they were turned": "Beine bleiben, wie sie gedreht wurden",
    "Root Heading": "Wurzel dreht sich",
    "The root bone turns with the person about the vertical, too": "Der Wurzelknochen dreht sich auch um die Senkrechte mit",
    "IK Controls": "IK-Steuerung",
    "Keys go on the rig's IK controls of hands, feet and spine, and the rig is switched to IK; else on its FK controls":
        "Keyframes kommen auf die IK-Steuerung von Händen, Füßen und Rücken, und das Rig wird auf IK gestellt; sonst auf die FK-Steuerung",
    "Bone": "Knochen",
    "The bone that has this role": "Der Knochen, der diese Rolle hat",
    "The bone that has this role, without the prefix of all names": "Der Knochen, der diese Rolle hat, ohne den Anfang aller Namen",
    "Find Bones": "Knochen finden",
    "Find which bone of the character is what": "Finden, welcher Knochen der Figur was ist",
    "Save as Preset": "Als Vorgabe sichern",
    "Keep the list as a preset of your own, for every file": "Die Liste als eigene Vorgabe behalten, für jede Datei",
    "Name": "Name",
    "The preset's name": "Der Name der Vorgabe",
    "Retarget": "Übertragen",
    "Put the motion on the character, as a new action": "Die Bewegung auf die Figur legen, als neue Aktion",
    "Choose a motion file": "Bewegungsdatei wählen",
    "My Rig": "Mein Rig",
    "Library Override": "Bibliotheksüberschreibung",
    "By Shape": "Nach der Form",
    "The preset that fits best, else by shape and names": "Die Vorgabe, die am besten passt, sonst nach Form und Namen",
    "From the places of the bones in the rest pose, and their names": "Aus der Lage der Knochen in der Ruhepose und ihren Namen",
    "The bone names of {rig}": "Die Knochennamen von {rig}",
    "Shape": "Form",
    "Names": "Namen",
    "VRM File": "VRM-Datei",
    **_ROLES,
    # why a button is grey
    "Choose a video first": "Zuerst ein Video wählen",
    "{missing}; the preferences say what to do": "{missing}; die Einstellungen sagen, was zu tun ist",
    "Select a captured armature first": "Zuerst eine aufgenommene Armatur auswählen",
    "This take was made from a motion file alone; capture its video to refine it":
        "Diese Aufnahme entstand aus einer Bewegungsdatei allein; nimm ihr Video auf, um sie zu verfeinern",
    "This take is linked from another file; open that one to change it":
        "Diese Aufnahme ist aus einer anderen Datei verknüpft; öffne jene, um sie zu ändern",
    "Its keys are linked from another file; open that one to change them":
        "Seine Keyframes sind aus einer anderen Datei verknüpft; öffne jene, um sie zu ändern",
    "Select an armature first": "Zuerst eine Armatur auswählen",
    "Select an armature that has keys": "Eine Armatur auswählen, die Keyframes hat",
    "Choose the character's armature first": "Zuerst die Armatur der Figur wählen",
    "There is nothing to export yet: capture a video, or choose a character":
        "Noch gibt es nichts zu exportieren: nimm ein Video auf, oder wähle eine Figur",
    # exporting
    "What": "Was",
    "This Take": "Diese Aufnahme",
    "The captured armature": "Die aufgenommene Armatur",
    "The character that got the motion, with its meshes": "Die Figur, die die Bewegung bekam, mit ihren Netzen",
    "All Takes": "Alle Aufnahmen",
    "Every action of the character, or of the captured armature where there is none":
        "Jede Aktion der Figur, oder der aufgenommenen Armatur, wo es keine gibt",
    "For": "Für",
    "The program that the file is for": "Das Programm, für das die Datei ist",
    "Unreal": "Unreal",
    "Unity": "Unity",
    "Blender": "Blender",
    "FBX": "FBX",
    "BVH": "BVH",
    "glTF": "glTF",
    "USD": "USD",
    "An .fbx in centimetres with a root bone, only bones that deform":
        "Eine .fbx in Zentimetern mit Wurzelknochen, nur Knochen, die verformen",
    "An .fbx in metres, Y up, only bones that deform": "Eine .fbx in Metern, Y oben, nur Knochen, die verformen",
    "A .blend to append or link from": "Eine .blend zum Anhängen oder Verknüpfen",
    "An .fbx for any other program": "Eine .fbx für jedes andere Programm",
    "A .bvh: the bones and their motion alone": "Eine .bvh: nur die Knochen und ihre Bewegung",
    "A .glb for the web and for Godot": "Eine .glb für das Netz und für Godot",
    "A .usd for Omniverse, Houdini and Maya": "Eine .usd für Omniverse, Houdini und Maya",
    "Choose the file's name, and write it for the program that is chosen above":
        "Den Namen der Datei wählen und sie für das Programm darüber schreiben",
    "Write the active armature, its meshes and its motion to a file":
        "Die aktive Armatur, ihre Netze und ihre Bewegung in eine Datei schreiben",
    "Takes": "Aufnahmen",
    "Which actions go into the file": "Welche Aktionen in die Datei kommen",
    "Playing": "Laufende",
    "The action that the armature plays": "Die Aktion, die die Armatur abspielt",
    "All in One File": "Alle in einer Datei",
    "Every action that moves this armature's bones, as clips of one .fbx, .glb or .blend":
        "Jede Aktion, die Knochen dieser Armatur bewegt, als Clips einer .fbx, .glb oder .blend",
    "A File Each": "Je eine Datei",
    "Every action that moves this armature's bones, named after the file and the action":
        "Jede Aktion, die Knochen dieser Armatur bewegt, benannt nach der Datei und der Aktion",
    "Meshes": "Netze",
    "The meshes that the armature moves go into the file": "Die Netze, die die Armatur bewegt, kommen in die Datei",
    "FBX for": "FBX für",
    "The program that an FBX file is for: its axes, scale and root bone":
        "Das Programm, für das eine FBX-Datei ist: Achsen, Maßstab und Wurzelknochen",
    "The armature as it is; the file's header tells unit and axes": "Die Armatur, wie sie ist; der Kopf der Datei nennt Einheit und Achsen",
    "Centimetres, a root bone, only bones that deform": "Zentimeter, ein Wurzelknochen, nur Knochen, die verformen",
    "Metres, Y up, nothing turned or scaled at the top, only bones that deform":
        "Meter, Y oben, oben nichts gedreht oder skaliert, nur Knochen, die verformen",
    "Added Root": "Hinzugefügte Wurzel",
    "What a root bone does that Unreal's preset adds where there is none":
        "Was ein Wurzelknochen tut, den die Vorgabe für Unreal hinzufügt, wo keiner ist",
    "Stays": "Bleibt",
    "It stays at the origin, and the hips carry the path": "Er bleibt im Ursprung, und die Hüfte trägt den Weg",
    "Path": "Weg",
    "It carries the path along the ground": "Er trägt den Weg über den Boden",
    "Path and Heading": "Weg und Richtung",
    "It carries the path, and turns with the body about the vertical": "Er trägt den Weg und dreht sich mit dem Körper um die Senkrechte",
    "Replace Existing": "Vorhandene ersetzen",
    "Files of other takes that are there already are replaced, not only the chosen name":
        "Vorhandene Dateien anderer Aufnahmen werden ersetzt, nicht nur der gewählte Name",
    # set-up
    "Check Setup": "Einrichtung prüfen",
    "Look whether everything that a capture needs is there, and say below how to mend what is not":
        "Nachsehen, ob alles da ist, was eine Aufnahme braucht, und darunter sagen, was sonst zu tun ist",
    "Open Preferences": "Einstellungen öffnen",
    "Open the preferences of Kinolift, which say what is missing and what to do":
        "Die Einstellungen von Kinolift öffnen, die sagen, was fehlt und was zu tun ist",
    "Worker Python": "Python für die Arbeit",
    "Blender's own": "Das von Blender",
    "The Python that runs detection and refinement, for instance one with a CUDA build of torch. Empty: the variable KINOLIFT_PYTHON, else "
    "Blender's own Python":
        "Das Python, das erkennt und verfeinert, zum Beispiel eines mit torch für CUDA. Leer: die Variable KINOLIFT_PYTHON, "
        "sonst das von Blender",
}  # fmt: skip
