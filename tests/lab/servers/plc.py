"""A client of pycomm3 that looks for a controller, reads tags and writes one: plc.py ADDRESS."""

import sys

from pycomm3 import CIPDriver, LogixDriver, Services

address = sys.argv[1]
print(CIPDriver.list_identity(address))
with LogixDriver(address, init_tags=False, init_program_tags=False) as plc:
    print(plc.generic_message(service=Services.get_attribute_single, class_code=1, instance=1, attribute=1, connected=False))
    print(plc.generic_message(service=Services.get_attributes_all, class_code=1, instance=1, connected=False))
    print(plc.generic_message(service=Services.get_attribute_single, class_code=0x93, instance=1, attribute=99, connected=False))
