"""What is offered of the standard modules for formats: encodings, compression, mark-up, digests."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, INTERNAL, Offer

__all__ = ["OFFERS"]

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
        "csv": Offer(
            "Dialect DictReader DictWriter Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC QUOTE_NOTNULL "
            "QUOTE_STRINGS Sniffer excel excel_tab get_dialect list_dialects reader unix_dialect writer",
            withheld={
                GLOBAL_STATE: "field_size_limit register_dialect unregister_dialect",
                INTERNAL: "__doc__ __version__",
            },
        ),
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
        "struct": Offer("Struct error", made="calcsize iter_unpack pack pack_into unpack unpack_from"),
        "tomllib": Offer("TOMLDecodeError load loads"),
        # A package without anything of its own to show, so that `import urllib.parse` has a parent.
        "urllib": Offer(),
        "urllib.parse": Offer(
            "DefragResult DefragResultBytes ParseResult ParseResultBytes SplitResult SplitResultBytes parse_qs "
            "parse_qsl quote quote_from_bytes quote_plus unquote unquote_plus unquote_to_bytes urlencode "
            "urlunparse urlunsplit",
            made="urldefrag urljoin urlparse urlsplit",
        ),
        "zlib": Offer(
            "DEFLATED DEF_BUF_SIZE DEF_MEM_LEVEL MAX_WBITS ZLIB_RUNTIME_VERSION ZLIB_VERSION Z_BEST_COMPRESSION "
            "Z_BEST_SPEED Z_BLOCK Z_DEFAULT_COMPRESSION Z_DEFAULT_STRATEGY Z_FILTERED Z_FINISH Z_FIXED Z_FULL_FLUSH "
            "Z_HUFFMAN_ONLY Z_NO_COMPRESSION Z_NO_FLUSH Z_PARTIAL_FLUSH Z_RLE Z_SYNC_FLUSH Z_TREES adler32 compress "
            "compressobj crc32 decompress decompressobj error ZLIBNG_VERSION adler32_combine crc32_combine"
        ),
    }
)
