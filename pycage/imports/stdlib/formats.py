"""What is offered of the standard modules for formats: encodings, compression, mark-up, digests."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, INTERNAL, Offer

__all__ = ["OFFERS"]

_LZMA: Final = (
    "CHECK_CRC32 CHECK_CRC64 CHECK_ID_MAX CHECK_NONE CHECK_SHA256 CHECK_UNKNOWN FILTER_ARM FILTER_ARMTHUMB "
    "FILTER_DELTA FILTER_IA64 FILTER_LZMA1 FILTER_LZMA2 FILTER_POWERPC FILTER_SPARC FILTER_X86 FORMAT_ALONE "
    "FORMAT_AUTO FORMAT_RAW FORMAT_XZ MF_BT2 MF_BT3 MF_BT4 MF_HC3 MF_HC4 MODE_FAST MODE_NORMAL PRESET_DEFAULT "
    "PRESET_EXTREME"
)

OFFERS: Final = MappingProxyType(
    {
        "base64": Offer(
            "a85decode a85encode b16decode b16encode b32decode b32encode b32hexdecode b32hexencode b64decode "
            "b64encode b85decode b85encode decode decodebytes encode encodebytes standard_b64decode "
            "standard_b64encode urlsafe_b64decode urlsafe_b64encode z85decode z85encode"
        ),
        "binascii": Offer(
            "Error Incomplete a2b_base64 a2b_hex a2b_qp a2b_uu b2a_base64 b2a_hex b2a_qp b2a_uu crc32 crc_hqx "
            "hexlify unhexlify"
        ),
        "bz2": Offer("BZ2Compressor BZ2Decompressor", copied="*", why="opens files"),
        # Packages import the next three for what a sandbox does not have; plain data can be pickled.
        "copyreg": Offer(
            made="constructor dispatch_table pickle",
            why="its registry is the whole process's",
            withheld={GLOBAL_STATE: "add_extension clear_extension_cache remove_extension"},
        ),
        "marshal": Offer("version", made="dump dumps load loads", why="makes code"),
        "pickle": Offer(
            "DEFAULT_PROTOCOL HIGHEST_PROTOCOL PickleError PicklingError UnpicklingError",
            made="dump dumps load loads",
            why="calls what the bytes or the objects name",
            withheld={
                "calls what the bytes or the objects name": "Pickler Unpickler PickleBuffer",
                INTERNAL: "ADDITEMS APPEND APPENDS BINBYTES BINBYTES8 BINFLOAT BINGET BININT BININT1 BININT2 BINPERSID "
                "BINPUT BINSTRING BINUNICODE BINUNICODE8 BUILD BYTEARRAY8 DICT DUP EMPTY_DICT EMPTY_LIST EMPTY_SET "
                "EMPTY_TUPLE EXT1 EXT2 EXT4 FALSE FLOAT FRAME FROZENSET GET GLOBAL INST INT LIST LONG LONG1 LONG4 "
                "LONG_BINGET LONG_BINPUT MARK MEMOIZE NEWFALSE NEWOBJ NEWOBJ_EX NEWTRUE NEXT_BUFFER NONE OBJ PERSID "
                "POP POP_MARK PROTO PUT READONLY_BUFFER REDUCE SETITEM SETITEMS SHORT_BINBYTES SHORT_BINSTRING "
                "SHORT_BINUNICODE STACK_GLOBAL STOP STRING TRUE TUPLE TUPLE1 TUPLE2 TUPLE3 UNICODE",
            },
        ),
        "csv": Offer(copied="*", why="its register of dialects is the process's"),
        **dict.fromkeys(
            """
            email email.base64mime email.charset email.contentmanager email.encoders email.errors email.feedparser
            email.generator email.header email.headerregistry email.iterators email.message email.mime
            email.mime.application email.mime.audio email.mime.base email.mime.image email.mime.message
            email.mime.multipart email.mime.nonmultipart email.mime.text email.parser email.policy email.quoprimime
            email.utils
            """.split(),  # noqa: SIM905  # names are read more easily without quotes
            Offer(copied="*", why="its policies are copied attribute by attribute"),
        ),
        "gzip": Offer(copied="*", withheld={"reads the command line": "main"}, why="opens files"),
        "hashlib": Offer(
            "algorithms_available algorithms_guaranteed blake2b blake2s md5 new pbkdf2_hmac scrypt sha1 sha224 sha256 "
            "sha384 sha3_224 sha3_256 sha3_384 sha3_512 sha512 shake_128 shake_256",
            withheld={"reads descriptors": "file_digest"},
        ),
        "hmac": Offer("HMAC compare_digest digest new", withheld={INTERNAL: "digest_size trans_36 trans_5C"}),
        # _replace_charref: mistune takes it; it gets a match and returns text.
        "html": Offer("_replace_charref escape unescape"),
        "html.entities": Offer("codepoint2name entitydefs html5 name2codepoint"),
        "html.parser": Offer("HTMLParser"),
        "json": Offer("JSONDecodeError JSONDecoder JSONEncoder dump dumps load loads"),
        "json.decoder": Offer("JSONDecodeError JSONDecoder"),
        "json.encoder": Offer(
            "JSONEncoder",
            withheld={
                INTERNAL: "ESCAPE ESCAPE_ASCII ESCAPE_DCT HAS_UTF8 INFINITY "
                "c_encode_basestring c_encode_basestring_ascii c_make_encoder encode_basestring "
                "encode_basestring_ascii py_encode_basestring py_encode_basestring_ascii"
            },
        ),
        "http": Offer("HTTPMethod HTTPStatus"),
        "http.cookies": Offer(copied="*", why="pickles with methods that sandboxes may not define"),
        "lzma": Offer(
            f"LZMACompressor LZMADecompressor LZMAError is_check_supported {_LZMA}", copied="*", why="opens files"
        ),
        "mimetypes": Offer(copied="*", why="reads the host's tables of types; here it has the built-in ones"),
        "plistlib": Offer(copied="*", why="pickles with methods that sandboxes may not define"),
        "quopri": Offer("decode decodestring encode encodestring"),
        "struct": Offer(
            "Struct error",
            made="calcsize iter_unpack pack pack_into unpack unpack_from",
            why="its formats are kept in a cache of the process, by what says that it is equal",
        ),
        "tomllib": Offer("TOMLDecodeError load loads"),
        # A package without anything of its own to show, so that `import urllib.parse` has a parent.
        "urllib": Offer(),
        "urllib.parse": Offer(
            "DefragResult DefragResultBytes ParseResult ParseResultBytes SplitResult SplitResultBytes parse_qs "
            "parse_qsl quote quote_from_bytes quote_plus unquote unquote_plus unquote_to_bytes urlencode "
            "urlunparse urlunsplit",
            made="urldefrag urljoin urlparse urlsplit",
            why="its results are kept in a cache of the process, by what says that it is equal",
        ),
        "tarfile": Offer(copied="*", withheld={"reads the command line": "main"}, why="opens files"),
        "wave": Offer(copied="*", why="opens files"),
        "xml": Offer(why="a package without anything of its own to show"),
        "xml.dom": Offer(copied="*", why="imports what a registry names"),
        **dict.fromkeys(
            """
            xml.dom.NodeFilter xml.dom.domreg xml.dom.expatbuilder xml.dom.minicompat xml.dom.minidom xml.dom.pulldom
            xml.dom.xmlbuilder xml.sax xml.sax.expatreader xml.sax.handler xml.sax.saxutils xml.sax.xmlreader
            """.split(),  # noqa: SIM905  # names are read more easily without quotes
            Offer(copied="*", why="opens files and addresses"),
        ),
        "xml.etree": Offer(why="a package without anything of its own to show"),
        "xml.etree.ElementInclude": Offer(copied="*", why="opens files"),
        "xml.etree.ElementPath": Offer(copied="*", why="works on elements of ElementTree"),
        "xml.etree.ElementTree": Offer(copied="*", why="opens files; copies elements with what is in them"),
        "xml.parsers": Offer(why="a package without anything of its own to show"),
        "xml.parsers.expat": Offer(
            "EXPAT_VERSION ErrorString ExpatError ParserCreate XMLParserType XML_PARAM_ENTITY_PARSING_ALWAYS "
            "XML_PARAM_ENTITY_PARSING_NEVER XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE error features native_encoding "
            "version_info",
            made="errors model",
            withheld={INTERNAL: "expat_CAPI"},
            why="its submodules are no modules here",
        ),
        "zipfile": Offer(copied="*", withheld={"reads the command line": "main"}, why="opens files"),
        "zlib": Offer(
            "DEFLATED DEF_BUF_SIZE DEF_MEM_LEVEL MAX_WBITS ZLIB_RUNTIME_VERSION ZLIB_VERSION Z_BEST_COMPRESSION "
            "Z_BEST_SPEED Z_BLOCK Z_DEFAULT_COMPRESSION Z_DEFAULT_STRATEGY Z_FILTERED Z_FINISH Z_FIXED Z_FULL_FLUSH "
            "Z_HUFFMAN_ONLY Z_NO_COMPRESSION Z_NO_FLUSH Z_PARTIAL_FLUSH Z_RLE Z_SYNC_FLUSH Z_TREES adler32 compress "
            "compressobj crc32 decompress decompressobj error ZLIBNG_VERSION adler32_combine crc32_combine"
        ),
    }
)
