"""DNP3 (IEEE 1815) with dnp3py: `dnp3_station.py outstation ADDRESS` serves points, `dnp3.py master ADDRESS` asks for them."""

import asyncio
import sys

from dnp3.application import builder
from dnp3.database import AnalogInputConfig, BinaryInputConfig, BinaryOutputConfig, CounterConfig, Database
from dnp3.master import Master, MasterConfig, MasterTcpRunner
from dnp3.outstation import Outstation, OutstationConfig, OutstationTcpRunner
from dnp3.outstation.handler import CommandResult, DefaultCommandHandler

MASTER = 1
OUTSTATION = 10


class Relay(DefaultCommandHandler):
    """The one relay of the station can be switched."""

    def select_binary_output(self, index, **_):
        return CommandResult.success() if index == 0 else CommandResult.not_supported()

    def operate_binary_output(self, index, **_):
        return CommandResult.success() if index == 0 else CommandResult.not_supported()


async def outstation(address):
    database = Database()
    for point, value in enumerate((True, False, True)):
        database.add_binary_input(point, BinaryInputConfig(), value=value)
    database.add_analog_input(0, AnalogInputConfig(), value=220)
    database.add_analog_input(1, AnalogInputConfig(), value=-5)
    database.add_counter(0, CounterConfig(), value=1000)
    database.add_binary_output(0, BinaryOutputConfig())
    config = OutstationConfig(address=OUTSTATION, master_address=MASTER)
    station = Outstation(database=database, config=config, handler=Relay())
    await OutstationTcpRunner(outstation=station, host=address, port=20000).run()


async def master(address):
    station = Master(config=MasterConfig(address=MASTER, outstation_address=OUTSTATION))
    async with MasterTcpRunner(master=station, host=address, port=20000) as runner:
        await runner.integrity_poll()
        await runner.class_poll()
        commands = station.command_builder().latch_on(0)
        await runner.request(station.build_select(commands.build_select()))
        await runner.request(station.build_operate(commands.build_operate()))
        await runner.request(station.build_delay_measure())
        await runner.send(builder.build_cold_restart_request(station.next_request_sequence()))
        await asyncio.sleep(0.3)


asyncio.run({"outstation": outstation, "master": master}[sys.argv[1]](sys.argv[2]))
