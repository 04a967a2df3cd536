"""XMP packets: pieces joined, and statements about further pictures taken out when those pictures are left behind."""

import re
from collections.abc import Iterator
from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.dom.minidom import Document, Element

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NOTE = "http://ns.adobe.com/xmp/note/"
EXTENDED = "HasExtendedXMP"
GAIN_MAPS = ("http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/")
CONTAINER, CAMERA = "http://ns.google.com/photos/1.0/container/", "http://ns.google.com/photos/1.0/camera/"
MOVING = ("MotionPhoto", "MicroVideo")  # beginnings of the names by which a picture claims a video behind it
CLAIMS = re.compile(rb"hdr-gain-map/1\.0/|HDRGainMap/1\.0/|photos/1\.0/container/|:MotionPhoto|:MicroVideo")
GUID = re.compile(rb'HasExtendedXMP(?:="|>)([0-9A-Fa-f]{32})')


def claims_more(packet: bytes) -> bool:
    """Whether a packet speaks of pictures or videos that stand next to the picture in its file."""
    return CLAIMS.search(packet) is not None


def without_claims(packet: bytes) -> bytes:
    """A packet without statements on gain maps, further pictures and videos; empty where it cannot be read as XML."""
    document = _parsed(packet)
    if document is None:
        return b""
    for element in list(_elements(document)):
        for attribute in list(element.attributes.values()):
            if _is_claim(attribute.namespaceURI, attribute.localName) or attribute.value in GAIN_MAPS:
                element.removeAttributeNode(attribute)
        if _is_claim(element.namespaceURI, element.localName) and element.parentNode:
            element.parentNode.removeChild(element)
    return _written(document)


def guid_of_extension(packet: bytes) -> bytes:
    """The digest that names the extension of a packet; empty where it has none."""
    match = GUID.search(packet)
    return match[1].upper() if match else b""


def joined(packet: bytes, extension: bytes) -> bytes | None:
    """A packet with the descriptions of its extension; None where either cannot be read as XML."""
    main, further = _parsed(packet), _parsed(extension)
    if main is None or further is None:
        return None
    targets, sources = (document.getElementsByTagNameNS(RDF, "RDF") for document in (main, further))
    if not targets or not sources:
        return None
    for description in list(sources[0].childNodes):
        targets[0].appendChild(main.importNode(description, True))
    for element in _elements(main):
        if element.hasAttributeNS(NOTE, EXTENDED):
            element.removeAttributeNS(NOTE, EXTENDED)
        for child in [child for child in element.childNodes if child.nodeType == child.ELEMENT_NODE]:
            if (child.namespaceURI, child.localName) == (NOTE, EXTENDED):
                element.removeChild(child)
    return _written(main)


def split(packet: bytes) -> tuple[bytes, bytes, bytes]:
    """Inverse of `joined`: a packet that names an extension, the extension, and the digest by which it is named."""
    extension = re.sub(rb"<\?xpacket[^>]*\?>", b"", packet).strip()
    digest = md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    main = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="'
        + RDF.encode()
        + b'"><rdf:Description rdf:about="" xmlns:xmpNote="'
    )
    main += NOTE.encode() + b'" xmpNote:HasExtendedXMP="' + digest + b'"/></rdf:RDF></x:xmpmeta>'
    return main, extension, digest


def _is_claim(namespace: str | None, name: str | None) -> bool:
    if namespace in GAIN_MAPS:
        return True
    return (namespace == CONTAINER and name == "Directory") or (namespace == CAMERA and (name or "").startswith(MOVING))


def _elements(document: "Document") -> "Iterator[Element]":
    return (element for element in document.getElementsByTagName("*"))


def _parsed(packet: bytes) -> "Document | None":
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:  # which XMP never has, and which may grow without bounds
        return None
    from xml.dom.minidom import parseString  # few packets need it
    from xml.parsers.expat import ExpatError

    try:
        return parseString(packet.strip(b"\0 \r\n\t"))
    except (ExpatError, ValueError, LookupError):
        return None


def _written(document: "Document") -> bytes:
    return "".join(node.toxml() for node in document.childNodes).encode()
