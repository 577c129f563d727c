"""Modbus with pymodbus: `modbus.py server ADDRESS` holds registers, `modbus.py client ADDRESS` reads and writes them."""

import sys

from pymodbus.client import ModbusTcpClient
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.mei_message import ReadDeviceInformationRequest
from pymodbus.server import StartTcpServer

PORT = 502
UNIT = 1


def server(address):
    unit = ModbusSlaveContext(
        di=ModbusSequentialDataBlock(0, [1, 0] * 20),
        co=ModbusSequentialDataBlock(0, [False] * 40),
        hr=ModbusSequentialDataBlock(0, list(range(100, 140))),
        ir=ModbusSequentialDataBlock(0, list(range(40))),
    )
    identity = ModbusDeviceIdentification(
        info_name={"VendorName": "Tram bom", "ProductCode": "TB1", "MajorMinorRevision": "1.0"}
    )
    StartTcpServer(context=ModbusServerContext(slaves={UNIT: unit}, single=False), identity=identity, address=(address, PORT))


def client(address):
    with ModbusTcpClient(address, port=PORT) as plc:
        plc.read_coils(0, 10, slave=UNIT)
        plc.read_discrete_inputs(0, 10, slave=UNIT)
        plc.read_holding_registers(0, 4, slave=UNIT)
        plc.read_input_registers(2, 3, slave=UNIT)
        plc.write_coil(3, True, slave=UNIT)
        plc.write_register(7, 1234, slave=UNIT)
        plc.write_coils(8, [True, False, True], slave=UNIT)
        plc.write_registers(10, [1, 2, 3], slave=UNIT)
        plc.mask_write_register(address=10, and_mask=0xFF00, or_mask=0x0025, unit=UNIT)
        plc.readwrite_registers(read_address=10, read_count=2, write_address=12, write_registers=[9], unit=UNIT)
        plc.execute(ReadDeviceInformationRequest(unit=UNIT))
        # Beyond the last register: refused.
        plc.read_holding_registers(1000, 2, slave=UNIT)


{"server": server, "client": client}[sys.argv[1]](sys.argv[2])
