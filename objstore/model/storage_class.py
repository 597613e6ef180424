"""Storage classes of S3 and their stored codes."""

# Codes are stored: never change one, only add.
STORAGE_CLASS_CODES = {
    "STANDARD": 0,
    "REDUCED_REDUNDANCY": 1,
    "STANDARD_IA": 2,
    "ONEZONE_IA": 3,
    "INTELLIGENT_TIERING": 4,
    "GLACIER": 5,
    "DEEP_ARCHIVE": 6,
    "OUTPOSTS": 7,
    "GLACIER_IR": 8,
    "SNOW": 9,
    "EXPRESS_ONEZONE": 10,
    "FSX_OPENZFS": 11,
    "FSX_ONTAP": 12,
}
STORAGE_CLASS_NAMES = {code: name for name, code in STORAGE_CLASS_CODES.items()}
