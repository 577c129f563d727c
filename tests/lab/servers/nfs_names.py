"""A client of libnfs that makes a folder, renames a file into it and removes both: nfs_names.py URL."""

import ctypes
import sys

libnfs = ctypes.CDLL("libnfs.so.13")
libnfs.nfs_init_context.restype = ctypes.c_void_p
libnfs.nfs_parse_url_dir.restype = ctypes.POINTER(ctypes.c_char_p)
libnfs.nfs_get_error.restype = ctypes.c_char_p
context = ctypes.c_void_p(libnfs.nfs_init_context())


def do(name, *arguments):
    if getattr(libnfs, name)(context, *arguments) < 0:
        sys.exit(f"{name}: {libnfs.nfs_get_error(context).decode()}")


# The first two members of the parsed address are the server and the path.
url = libnfs.nfs_parse_url_dir(context, sys.argv[1].encode())
do("nfs_mount", url[0], url[1])
do("nfs_mkdir", b"/cu")
do("nfs_rename", b"/lich-truc.txt", b"/cu/lich-truc.bak")
do("nfs_unlink", b"/cu/lich-truc.bak")
do("nfs_rmdir", b"/cu")
