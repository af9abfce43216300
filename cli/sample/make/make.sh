#!/bin/sh
# Makes everything in the folder above again, from the sources in this one.
#
#   make.sh                all of it; 30 minutes to an hour and a half on two cores
#   make.sh photos|certificate|episode|film|tags
#   DRAFT=1 make.sh        small and quick, into BUILD only, to look at while changing a scene
#
# Debian:  apt-get install povray povray-includes ffmpeg espeak-ng sox lame libimage-exiftool-perl
# PyPI:    pip install numpy pillow reportlab pypdf        (PYTHON names the interpreter that has them)
# BUILD:   where renders and frames are kept between runs; a render that is there is not made again
#
# note.md and piece.toml are written by hand. Renders differ by a bit here and there from run to run.
# Written for Hallmark. Licence: Apache-2.0 OR MIT.
set -eu

cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}
BUILD=${BUILD:-${TMPDIR:-/tmp}/tidewater}
OUT=${DRAFT:+$BUILD}
OUT=${OUT:-..}
mkdir -p "$BUILD"

for tool in povray ffmpeg espeak-ng sox lame exiftool "$PYTHON"; do
    command -v "$tool" >/dev/null || { echo "make.sh: $tool is missing; see the top of this file" >&2; exit 1; }
done

# render SCENE WIDTH HEIGHT NAME [option...]
render() {
    scene=$1 width=$2 height=$3 name=$4
    shift 4
    [ -s "$BUILD/$name.png" ] && return
    if [ -n "${DRAFT:-}" ]; then width=$((width / 3)) height=$((height / 3)); fi
    echo "render $name"
    nice povray "+I$scene.pov" "+O$BUILD/unfinished.png" "+W$width" "+H$height" -D "$@" >"$BUILD/$name.log" 2>&1 ||
        { tail "$BUILD/$name.log" >&2; exit 1; }
    mv "$BUILD/unfinished.png" "$BUILD/$name.png"
}

# photo NAME WIDTH HEIGHT NEAR_MM FAR_MM APERTURE_PX [--turn]
photo() {
    render "$1" "$2" "$3" "$1" +A0.2 +R2
    render "$1" "$2" "$3" "$1-depth" +A0.1 +FN16 Grayscale_Output=on File_Gamma=1.0 Declare=Depth=1
    name=$1 near=$4 far=$5 aperture=$6
    shift 6
    "$PYTHON" develop.py "$BUILD/$name.png" "$BUILD/$name-depth.png" "$BUILD/$name.jpg" \
        --focus "$near" "$far" --aperture "$aperture" "$@"
}

photos() {
    photo 01-front 1920 1440 55 71 60
    photo 02-side 1440 1920 58 77 60 --turn
    photo 03-workbench 1920 1440 60 77 34
}

# What cameras and offices leave in files, for minting to take out.
# Places are the middle of a public square (Stortorget, Malmö); every person and number is invented.
tags() {
    for name in 01-front 02-side 03-workbench; do cp "$BUILD/$name.jpg" "$BUILD/$name-tagged.jpg"; done

    # 1: everything at once
    exiftool -q -overwrite_original -codedcharacterset=utf8 \
        -IFD0:Make='Example Optics' -IFD0:Model='Lantern 24' -IFD0:Software='Darkroom Example 3.1' -IFD0:Orientation#=1 \
        -IFD0:Artist='Tova Marklund-Reyes' -IFD0:Copyright='(c) 2026 Tova Marklund-Reyes' \
        -IFD0:ImageDescription='Tidewater ring, front' -IFD0:HostComputer='tovas-laptop' \
        -ExifIFD:DateTimeOriginal='2026:05:02 10:14:31' -ExifIFD:OffsetTimeOriginal='+02:00' \
        -ExifIFD:ExposureTime=1/125 -ExifIFD:FNumber=8 -ExifIFD:ISO=100 -ExifIFD:FocalLength=90 \
        -ExifIFD:OwnerName='Tova Marklund-Reyes' -ExifIFD:SerialNumber='EX24-0071993' \
        -ExifIFD:LensMake='Example Optics' -ExifIFD:LensModel='Macro 90 mm f/2.8' -ExifIFD:LensSerialNumber='M90-330418' \
        -ExifIFD:UserComment='proof 4 of 9, for Rosa' -ExifIFD:ImageUniqueID='0f3a9c54d1e84b6fa2b7c0e55d9a7501' \
        -GPS:GPSLatitude=55.60630 -GPS:GPSLatitudeRef=N -GPS:GPSLongitude=13.00040 -GPS:GPSLongitudeRef=E \
        -GPS:GPSAltitude=8 -GPS:GPSAltitudeRef=0 -GPS:GPSDateStamp='2026:05:02' -GPS:GPSTimeStamp='08:14:31' \
        -XMP-dc:Creator='Tova Marklund-Reyes' -XMP-dc:Rights='(c) 2026 Tova Marklund-Reyes' \
        -XMP-xmp:CreatorTool='Darkroom Example 3.1' -XMP-aux:SerialNumber='EX24-0071993' \
        -XMP-xmpMM:DocumentID='xmp.did:7d1f0a52-33c1-4d9e-8b60-1c2a44e07501' \
        -XMP-iptcCore:CreatorWorkEmail='tova@example.com' -XMP-iptcCore:CreatorCity='Malmö' \
        -XMP-exif:GPSLatitude=55.60630 -XMP-exif:GPSLongitude=13.00040 \
        -IPTC:By-line='Tova Marklund-Reyes' -IPTC:By-lineTitle='Photographer' -IPTC:City='Malmö' \
        -IPTC:Sub-location='Stortorget' -IPTC:Country-PrimaryLocationName='Sweden' \
        -IPTC:Writer-Editor='Rosa Lindqvist' -IPTC:ObjectName='Tidewater ring' -IPTC:Keywords='ring' \
        "-ThumbnailImage<=$BUILD/01-front.thumb.jpg" -Comment='Tova Marklund-Reyes, Darkroom Example 3.1' \
        "$BUILD/01-front-tagged.jpg"

    # 2: a telephone held upright, the picture stored on its side
    exiftool -q -overwrite_original \
        -IFD0:Make='Example Telephones' -IFD0:Model='Pocket 9' -IFD0:Software='9.2.1' -IFD0:Orientation#=6 \
        -IFD0:Artist='Rosa Lindqvist' -IFD0:HostComputer="Rosa's Pocket 9" \
        -ExifIFD:DateTimeOriginal='2026:05:02 11:40:06' -ExifIFD:OffsetTimeOriginal='+02:00' \
        -ExifIFD:ExposureTime=1/60 -ExifIFD:FNumber=1.8 -ExifIFD:ISO=160 -ExifIFD:FocalLength=6.1 \
        -ExifIFD:SerialNumber='P9-5517-20C' -ExifIFD:LensSerialNumber='L-20C-88' -ExifIFD:OwnerName='Rosa Lindqvist' \
        -GPS:GPSLatitude=55.60628 -GPS:GPSLatitudeRef=N -GPS:GPSLongitude=13.00046 -GPS:GPSLongitudeRef=E \
        -GPS:GPSImgDirection=212 -GPS:GPSImgDirectionRef=T -GPS:GPSHPositioningError=4.7 \
        -XMP-dc:Creator='Rosa Lindqvist' -XMP-photoshop:AuthorsPosition='Goldsmith' -XMP-xmp:CreatorTool='9.2.1' \
        "-ThumbnailImage<=$BUILD/02-side.thumb.jpg" \
        "$BUILD/02-side-tagged.jpg"

    # 3: nothing that says who or where
    exiftool -q -overwrite_original \
        -IFD0:Orientation#=1 -ExifIFD:ExposureTime=1/30 -ExifIFD:FNumber=4 -ExifIFD:ISO=200 -ExifIFD:FocalLength=60 \
        "$BUILD/03-workbench-tagged.jpg"

    for name in 01-front 02-side 03-workbench; do mv "$BUILD/$name-tagged.jpg" "$OUT/$name.jpg"; done
}

certificate() {
    render stone 640 640 stone +A0.1 +R3
    "$PYTHON" certificate.py "$BUILD/stone.png" "$OUT/certificate.pdf"
}

# The sea: brown noise that swells every few seconds. sea SECONDS OUT
sea() {
    sox -R -q -n -r 44100 -c 1 "$2" synth "$1" brownnoise lowpass 900 highpass 90 tremolo 0.17 78 gain -n -16 fade t 1.2 "$1" 1.5
}

episode() {
    espeak-ng -v en-gb+f2 -s 162 -p 42 -f episode-1.txt -w "$BUILD/voice.wav"
    sox -q "$BUILD/voice.wav" -r 44100 "$BUILD/voice-room.wav" highpass 90 lowpass 6500 bass +3 pad 1.2 1.8 reverb 18 40 30 gain -n -3
    sea "$(soxi -D "$BUILD/voice-room.wav")" "$BUILD/sea-1.wav"
    sox -q -m -v 1 "$BUILD/voice-room.wav" -v 0.55 "$BUILD/sea-1.wav" "$BUILD/episode-1.wav" gain -n -2
    lame --quiet -m m -b 64 --add-id3v2 --pad-id3v2-size 256 \
        --tt 'Tidewater, episode 1: the morning walk' --ta 'Rosa Lindqvist' --tl 'Tidewater' --ty 2026 --tn 1 \
        --tc 'second take, edited by Tova Marklund-Reyes' \
        --tv 'TENC=Tova Marklund-Reyes' --tv 'TCOP=2026 Rosa Lindqvist' --tv 'TXXX=RecordedAt=Stortorget, Malmö' \
        --tv 'TSSE=Voice Example 1.4 on tovas-laptop' \
        "$BUILD/episode-1.wav" "$OUT/episode-1.mp3"
}

film() {
    if [ ! -s "$BUILD/frame25.png" ]; then
        echo "render the film, 25 frames"
        nice povray +Ifilm.pov "+O$BUILD/frame.png" +W800 +H600 +A0.3 +R2 -D +KFI1 +KFF25 \
            >"$BUILD/film.log" 2>&1 || { tail "$BUILD/film.log" >&2; exit 1; }
    fi
    # back again: 26 is 24, 48 is 2
    for back in $(seq 26 48); do cp "$BUILD/frame$(printf %02d $((50 - back))).png" "$BUILD/frame$back.png"; done
    sea 4 "$BUILD/sea-2.wav"
    ffmpeg -loglevel error -y -framerate 12 -i "$BUILD/frame%02d.png" -i "$BUILD/sea-2.wav" \
        -c:v libx264 -preset slow -crf 21 -pix_fmt yuv420p -c:a aac -b:a 64k -shortest -movflags +faststart \
        -metadata title='Tidewater, episode 2: in the light' -metadata artist='Tova Marklund-Reyes' \
        -metadata comment='turntable, for Rosa Lindqvist' -metadata location='+55.6063+013.0004/' \
        "$BUILD/episode-2.mp4"
    exiftool -q -overwrite_original \
        -Keys:Author='Tova Marklund-Reyes' -Keys:Make='Example Optics' -Keys:Model='Lantern 24' \
        -Keys:Software='Darkroom Example 3.1' -Keys:GPSCoordinates='55.60630, 13.00040, 8' \
        -XMP-dc:Creator='Tova Marklund-Reyes' \
        "$BUILD/episode-2.mp4"
    [ "$BUILD" = "$OUT" ] || mv "$BUILD/episode-2.mp4" "$OUT/episode-2.mp4"
}

for step in ${*:-photos tags certificate episode film}; do "$step"; done
