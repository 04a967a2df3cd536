"""XMP packets: pieces joined, and statements about further pictures taken out when those pictures are left behind."""

import re
from collections.abc import Iterator
from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.dom.minidom import Attr, Document, Element, Node

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NOTE = "http://ns.adobe.com/xmp/note/"
EXTENDED = "HasExtendedXMP"
GAIN_MAPS = ("http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/")
ITEM, ITEM_PREFIX = "http://ns.google.com/photos/1.0/container/item/", "dlicItem"
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


def of_gain_map(packet: bytes, length: int) -> bytes | None:
    """A packet that speaks of a gain map of `length` bytes right behind the picture, with its lengths put right; None where it
    speaks of other pictures or videos, or cannot be read as XML.
    """
    if not claims_more(packet):
        return packet
    document = _parsed(packet)
    if document is None or any(_is_moving(element) for element in _elements(document)):
        return None
    found = ((_property(element, "Semantic"), element) for element in _elements(document))
    items = [(_value(semantic), element) for semantic, element in found if semantic]
    if sorted(semantic for semantic, _ in items) not in ([], ["GainMap"], ["GainMap", "Primary"]):
        return None
    changes = [_state(element, "Length", str(length) if semantic == "GainMap" else "0") for semantic, element in items]
    changes += [_state(element, "Padding", "0") for _, element in items]
    return _written(document) if any(changes) else packet


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


def _is_moving(element: "Element") -> bool:
    """Whether an element claims a video."""
    nodes = [element, *element.attributes.values()]
    return any(node.namespaceURI == CAMERA and node.localName in MOVING and _value(node) != "0" for node in nodes)


def _property(element: "Element", name: str) -> "Attr | Element | None":
    """A property of an item of a container, which is an attribute or an element."""
    if element.hasAttributeNS(ITEM, name):
        return element.getAttributeNodeNS(ITEM, name)
    children = (child for child in element.childNodes if child.nodeType == child.ELEMENT_NODE)
    return next((child for child in children if (child.namespaceURI, child.localName) == (ITEM, name)), None)


def _value(node: "Node") -> str:
    if node.nodeType == node.ATTRIBUTE_NODE:
        return (node.nodeValue or "").strip()
    return "".join(child.data for child in node.childNodes if child.nodeType == child.TEXT_NODE).strip()


def _state(element: "Element", name: str, value: str) -> bool:
    """Gives an item's property a value; whether this changed it. A length and a padding that are not stated are 0."""
    node = _property(element, name)
    if (_value(node) if node else "0") == value:
        return False
    if node and node.nodeType == node.ELEMENT_NODE:
        element.removeChild(node)
    element.setAttribute("xmlns:" + ITEM_PREFIX, ITEM)
    if node and node.nodeType == node.ATTRIBUTE_NODE:
        element.removeAttributeNode(node)
    element.setAttributeNS(ITEM, f"{ITEM_PREFIX}:{name}", value)
    return True


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
