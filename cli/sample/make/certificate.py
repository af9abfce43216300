"""Writes certificate.pdf: the stone's report by an imaginary laboratory, with the metadata an office program leaves.

    certificate.py stone.png certificate.pdf

PDF 1.4, classical cross-reference table, no object streams; the information dictionary and an uncompressed XMP
packet both name a person. Not signed. Needs reportlab, pypdf and Pillow. Written for Hallmark.
Licence: Apache-2.0 OR MIT.
"""

import io
import math
import sys

from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

REPORT = "EGL-SAMPLE-0001"
GEMMOLOGIST = "Edmund Okonjo-Pryce"
CREATOR = "Example Gem Laboratory report writer 4.2 on bench-07-okonjo"
PRODUCER = "Example Office PDF 11.3"

INK = HexColor("#1d2b33")
SOFT = HexColor("#5d6d74")
RULE = HexColor("#b9c5c8")
TEAL = HexColor("#17696c")
PALE = HexColor("#eef4f3")

ROWS = [
    ("Report number", REPORT),
    ("Date of examination", "12 March 2026"),
    ("Object", "one loose stone"),
    None,
    ("Species", "natural corundum"),
    ("Variety", "sapphire"),
    ("Weight", "1.02 ct"),
    ("Measurements", "6.42 × 5.48 × 3.60 mm"),
    ("Shape and cut", "oval, mixed brilliant"),
    ("Transparency", "transparent"),
    ("Colour", "greenish blue, medium, strong"),
    ("Clarity", "eye-clean; fine needles under 10×"),
    ("Refractive index", "1.762 to 1.770, uniaxial negative"),
    ("Specific gravity", "4.00"),
    None,
    ("Treatment", "indications of heating"),
    ("Fissure filling", "none found"),
    ("Origin, in our opinion", "Sri Lanka"),
    ("Laser inscription", f"{REPORT}, on the girdle"),
]

XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/">
   <dc:format>application/pdf</dc:format>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Sapphire report {REPORT}</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>{GEMMOLOGIST}</rdf:li></rdf:Seq></dc:creator>
   <xmp:CreatorTool>{CREATOR}</xmp:CreatorTool>
   <xmp:CreateDate>2026-03-12T15:41:08+01:00</xmp:CreateDate>
   <pdf:Producer>{PRODUCER}</pdf:Producer>
   <xmpMM:DocumentID>uuid:5a0f6d1e-0c3b-4f6e-9a41-7d2c51e0a001</xmpMM:DocumentID>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
{(" " * 79 + chr(10)) * 12}<?xpacket end="w"?>"""


def facets(page, x, y, across, along):
    """The cut's plan, face up: table, stars, kites and halves of an oval brilliant."""

    def at(radius, eighths):
        angle = math.pi / 4 * eighths
        return x + across * radius * math.sin(angle), y + along * radius * math.cos(angle)

    page.setStrokeColor(TEAL)
    page.setLineWidth(0.6)
    page.ellipse(x - across, y - along, x + across, y + along)
    table, star = 0.56, 0.77
    for k in range(8):
        page.line(*at(table, k), *at(table, k + 1))
        page.line(*at(table, k), *at(star, k + 0.5))
        page.line(*at(table, k), *at(star, k - 0.5))
        page.line(*at(star, k + 0.5), *at(1, k))
        page.line(*at(star, k + 0.5), *at(1, k + 1))
        page.line(*at(star, k + 0.5), *at(1, k + 0.5))


def profile(page, x, y, half):
    """The cut from the side."""
    page.setStrokeColor(TEAL)
    page.setLineWidth(0.6)
    table, girdle, crown, pavilion = 0.56 * half, 0.035 * half, 0.29 * half, 0.87 * half
    path = page.beginPath()
    path.moveTo(x - half, y + girdle)
    path.lineTo(x - table, y + crown)
    path.lineTo(x + table, y + crown)
    path.lineTo(x + half, y + girdle)
    path.lineTo(x + half, y - girdle)
    path.lineTo(x, y - pavilion)
    path.lineTo(x - half, y - girdle)
    path.close()
    page.drawPath(path)
    page.line(x - half, y + girdle, x + half, y + girdle)
    page.line(x - half, y - girdle, x + half, y - girdle)
    for side in (-1, 1):
        page.line(x + side * table, y + crown, x + side * 0.62 * half, y + girdle)
        page.line(x, y - pavilion, x + side * 0.36 * half, y - girdle)


def draw(photo, out):
    width, height = A4
    page = canvas.Canvas(out, pagesize=A4, pdfVersion=(1, 4), invariant=1)
    page.setTitle(f"Sapphire report {REPORT}")
    page.setAuthor(GEMMOLOGIST)
    page.setCreator(CREATOR)
    page.setProducer(PRODUCER)
    page.setSubject("1.02 ct sapphire")

    # head
    page.setFillColor(TEAL)
    page.rect(0, height - 34 * mm, width, 34 * mm, stroke=0, fill=1)
    page.setFillColor(HexColor("#ffffff"))
    page.setFont("Times-Roman", 25)
    page.drawString(22 * mm, height - 19 * mm, "Example Gem Laboratory")
    page.setFont("Times-Italic", 11)
    page.drawString(22 * mm, height - 26 * mm, "An imaginary laboratory. Sample report on a coloured stone.")
    page.setFont("Times-Roman", 11)
    page.drawRightString(width - 22 * mm, height - 19 * mm, REPORT)

    # the ground of the page: a fine wave pattern
    page.saveState()
    page.setStrokeColor(PALE)
    page.setLineWidth(0.5)
    for row in range(46):
        path = page.beginPath()
        base = 24 * mm + row * 5 * mm
        for step in range(0, 106):
            px = step * 2 * mm
            py = base + 1.5 * mm * math.sin(step / 4.6 + row * 0.55)
            (path.moveTo if step == 0 else path.lineTo)(px, py)
        page.drawPath(path)
    page.setFillColor(HexColor("#e1ebea"))
    page.setFont("Times-Roman", 110)
    page.translate(width / 2, 105 * mm)
    page.rotate(38)
    page.drawCentredString(0, -12 * mm, "SAMPLE")
    page.restoreState()

    # findings
    y = height - 52 * mm
    for row in ROWS:
        if row is None:
            page.setStrokeColor(RULE)
            page.setLineWidth(0.5)
            page.line(22 * mm, y + 3 * mm, 122 * mm, y + 3 * mm)
            y -= 4 * mm
            continue
        page.setFont("Times-Roman", 11)
        page.setFillColor(SOFT)
        page.drawString(22 * mm, y, row[0])
        page.setFillColor(INK)
        page.setFont("Times-Bold" if row[0] in ("Variety", "Weight", "Treatment") else "Times-Roman", 11)
        page.drawString(64 * mm, y, row[1])
        y -= 7.4 * mm

    # picture and plan
    left, size = 134 * mm, 54 * mm
    picture = io.BytesIO()
    Image.open(photo).convert("RGB").resize((560, 560), Image.Resampling.LANCZOS).save(picture, "JPEG", quality=90)
    page.drawImage(ImageReader(picture), left, height - 102 * mm, size, size)
    page.setStrokeColor(RULE)
    page.rect(left, height - 102 * mm, size, size, fill=0)
    facets(page, left + size / 2, height - 128 * mm, 17 * mm, 17 * mm * 642 / 548)
    profile(page, left + size / 2, height - 160 * mm, 17 * mm)
    page.setFont("Times-Italic", 9)
    page.setFillColor(SOFT)
    page.drawCentredString(left + size / 2, height - 106 * mm, "face up, not to scale")
    page.drawCentredString(left + size / 2, height - 179 * mm, "crown, and profile across the width")

    # remarks and foot
    text = page.beginText(22 * mm, 78 * mm)
    text.setFont("Times-Roman", 10)
    text.setFillColor(INK)
    text.setLeading(14)
    for line in (
        "The stone was examined loose, by microscope, refractometer, hydrostatic balance and infrared spectrometer.",
        "Findings describe the stone on the date of examination. Origin is an opinion, not a fact. This report is",
        "neither a valuation nor a guarantee.",
    ):
        text.textLine(line)
    page.drawText(text)

    page.setStrokeColor(INK)
    page.setLineWidth(0.7)
    pen = page.beginPath()
    pen.moveTo(26 * mm, 50 * mm)
    pen.curveTo(30 * mm, 66 * mm, 33 * mm, 44 * mm, 37 * mm, 52 * mm)
    pen.curveTo(40 * mm, 58 * mm, 41 * mm, 46 * mm, 45 * mm, 51 * mm)
    pen.curveTo(49 * mm, 56 * mm, 50 * mm, 47 * mm, 70 * mm, 53 * mm)
    page.drawPath(pen)
    page.setStrokeColor(RULE)
    page.line(22 * mm, 46 * mm, 84 * mm, 46 * mm)
    page.setFont("Times-Roman", 9)
    page.setFillColor(SOFT)
    page.drawString(22 * mm, 41.5 * mm, "for the laboratory")

    page.setFillColor(TEAL)
    page.rect(0, 0, width, 14 * mm, stroke=0, fill=1)
    page.setFillColor(HexColor("#ffffff"))
    page.setFont("Times-Roman", 9)
    page.drawCentredString(
        width / 2, 5.6 * mm, "Fictional document, made as sample data. No such laboratory, stone or person exists."
    )
    page.showPage()
    page.save()


def main():
    photo, out = sys.argv[1:]
    drawn = io.BytesIO()
    draw(photo, drawn)

    writer = PdfWriter(clone_from=PdfReader(drawn))
    writer.pdf_header = "%PDF-1.4"
    packet = DecodedStreamObject()
    packet.set_data(XMP.encode())
    packet[NameObject("/Type")] = NameObject("/Metadata")
    packet[NameObject("/Subtype")] = NameObject("/XML")
    writer.root_object[NameObject("/Metadata")] = writer._add_object(packet)
    writer.add_metadata(
        {
            "/Author": GEMMOLOGIST,
            "/Creator": CREATOR,
            "/Producer": PRODUCER,
            "/CreationDate": "D:20260312154108+01'00'",
            "/ModDate": "D:20260312154622+01'00'",
        }
    )
    with open(out, "wb") as file:
        writer.write(file)


if __name__ == "__main__":
    main()
