"""A car with its owner as StructDefs made from classes, in and out of a task; then the class grows a field."""

from typing import Annotated

from examples.stage import Stage, named, same
from littlehorse.lh_struct import LHStructField, class_to_inline_struct_def, lh_struct_def
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


@lh_struct_def(name=named("owner"))
class Owner:
    full_name: str
    licence: Annotated[str, LHStructField(masked=True)]


@lh_struct_def(name=named("car"))
class Car:
    make: str
    mileage: int
    owner: Owner


@lh_struct_def(name=named("car"))
class NewerCar:
    make: str
    mileage: int
    owner: Owner
    electric: bool = False


@lh_struct_def(name=named("car"))
class OtherCar:
    make: str
    mileage: str
    owner: Owner


async def sell(car: Car, buyer: str) -> Car:
    return Car(make=car.make, mileage=car.mileage + 5, owner=Owner(full_name=buyer, licence="B-2"))


STRUCTS = (Owner, Car)
TASKS = {"sell": sell}


def run(s: Stage) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        car = wf.declare_struct("car", Car).required()
        owner = wf.declare_str("owner")
        mileage = wf.declare_int("mileage")
        car.assign(wf.execute(s.name("sell"), car, "Bo"))
        owner.assign(car.get("owner").get("fullName"))
        mileage.assign(car.get("mileage"))

    spec = s.put(Workflow(s.name("car-sale"), entrypoint))
    declared = spec.thread_specs[spec.entrypoint_thread_name].variable_defs[0].var_def.type_def
    same("version of the StructDef", 0, declared.struct_def_id.version)

    run = s.start(
        "car-sale", "car-sale", car=Car(make="Mora", mileage=100, owner=Owner(full_name="Ana", licence="B-1"))
    )
    s.ended(run, "COMPLETED")
    same("owner", "Bo", s.variable(run, "owner"))
    same("mileage", 105, s.variable(run, "mileage"))
    car = s.variable(run, "car")
    same("make", "Mora", car["make"])
    same("licence as others see it", "*****", car["owner"]["licence"])
    s.refused("a car that is a text", "INVALID_ARGUMENT", lambda: s.start("car-sale", "no-car", car="Mora"))

    grown = class_to_inline_struct_def(NewerCar)
    changed = class_to_inline_struct_def(OtherCar)
    compatible = StructDefCompatibilityType.FULLY_COMPATIBLE_SCHEMA_UPDATES
    for fields, valid in ((grown, True), (changed, False)):
        answer = s.client.ValidateStructDefEvolution(
            ValidateStructDefEvolutionRequest(
                struct_def_id=StructDefId(name=s.name("car")),
                struct_def=fields,
                compatibility_type=compatible,
            )
        )
        same("verdict on the evolution", valid, answer.is_valid)
    s.struct(NewerCar, compatible)
    newer = s.known(lambda: s.client.GetStructDef(StructDefId(name=s.name("car"), version=1)))
    same("default of the new field", False, newer.struct_def.fields["electric"].default_value.bool)
    later = s.start(
        "car-sale", "car-sale-later", car=Car(make="Vela", mileage=1, owner=Owner(full_name="Cleo", licence="B-3"))
    )
    s.ended(later, "COMPLETED")
    same("mileage with the newer StructDef at hand", 6, s.variable(later, "mileage"))
