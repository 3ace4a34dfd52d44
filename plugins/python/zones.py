"""The time zone database, kept in memory: there are no files to read it from at run time."""

import importlib.resources
import io
import zoneinfo
import zoneinfo._common


def read():
    """Every zone of the package `tzdata`."""
    root = importlib.resources.files("tzdata")
    names = root.joinpath("zones").read_text(encoding="utf-8").split()
    folder = root.joinpath("zoneinfo")
    return {name: folder.joinpath(*name.split("/")).read_bytes() for name in names}


def install():
    """Makes `zoneinfo` find the zones."""
    zones = read()

    def load_tzdata(key):
        if key not in zones:
            raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}")
        return io.BytesIO(zones[key])

    def available_timezones():
        return set(zones)

    zoneinfo._common.load_tzdata = load_tzdata
    zoneinfo.available_timezones = available_timezones
