"""Hidden dynamics that live in the model: masses, frictions, sizes, dead actuators, per simulation.

Gains, biases and delays act on commands (`RobotGroup.command`, `BatchedWorld.step`); what is here
is written into per-simulation fields of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metabot_sim import episodes as ep

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

_FORCE = ("actuator_gainprm", "actuator_biasprm")
"""What an actuator's force is computed from, beside its control and the state."""
_DAMPING = ("dof_damping", "dof_dampingpoly")
"""The term that grows with the speed, and those that grow with its powers."""
_HEALTHY = {ep.PAYLOAD: 0.0, ep.FRICTION: 1.0, ep.LINK_MASS: 1.0, ep.DAMPING: 1.0, ep.GRIPPER: 1.0}


class ModelDynamics:
    """Writes the rows of `EpisodeBatch` into the model fields of their simulations.

    A field is made per-simulation only when a value first differs from the compiled one:
    fleets without such dynamics pay nothing.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """Remember the compiled values.

        Args:
            world: whose batch is written to.
        """
        self._world = world
        self._fields: dict[str, np.ndarray] = {}
        model = world.model
        self._base = {
            name: np.array(getattr(model, name))
            for name in (
                "body_mass",
                "body_inertia",
                "geom_friction",
                "geom_size",
                "geom_rbound",
                "geom_aabb",
                *_DAMPING,
                "actuator_forcerange",
                *_FORCE,
            )
        }
        things = [model.body(f"object:{thing.name}") for thing in world.spec.objects]
        self._object_bodies = np.array([body.id for body in things], dtype=np.int64)
        self._object_geoms = np.array([int(body.geomadr[0]) for body in things], dtype=np.int64)
        self._compiled_objects = np.array(
            [(thing.mass_kg, 1.0, thing.friction) for thing in world.spec.objects]
        ).reshape(len(things), len(ep.OBJECT_DYNAMICS))
        self._active: set[int] = set()
        self._objects_active = [False, False, False]
        self._dead = np.full(world.episodes.robot_dynamics.shape[:2], -1.0)

    def apply(self, ids: np.ndarray) -> None:
        """Write the dynamics of the given simulations, as `world.episodes` has them."""
        batch = self._world.episodes
        masses = False
        robots = batch.robot_dynamics[ids]
        for column, healthy in _HEALTHY.items():
            if column not in self._active and np.any(robots[..., column] != healthy):
                self._active.add(column)
        if self._active:
            masses |= self._apply_robots(ids, robots)
        if len(self._object_bodies):
            things = batch.object_dynamics[ids]
            for column in range(3):
                if not self._objects_active[column]:
                    self._objects_active[column] = bool(
                        np.any(things[..., column] != self._compiled_objects[:, column])
                    )
            masses |= self._apply_objects(ids, things)
        if masses:
            self._world.batch.set_const(ids)

    def apply_dead(self) -> None:
        """Take all force from actuators that are dead by now, and give it back to those that no longer are."""
        dead = self._world.episodes.robot_dynamics[..., ep.DEAD]
        if np.array_equal(dead, self._dead):
            return
        ids = np.flatnonzero((dead != self._dead).any(axis=1))
        self._dead[ids] = dead[ids]
        for name in _FORCE:
            field = self._field(name)
            field[ids] = self._base[name]
            for group in self._world.groups:
                mine = dead[ids][:, group.indices]
                sims, robots = np.nonzero(mine >= 0)
                which = mine[sims, robots].astype(np.int64) % group.actuators.shape[1]
                field[ids[sims], group.actuators[robots, which]] = 0.0

    def _field(self, name: str) -> np.ndarray:
        if name not in self._fields:
            self._fields[name] = self._world.batch.expand(name)
        return self._fields[name]

    def _apply_robots(self, ids: np.ndarray, robots: np.ndarray) -> bool:
        rows = ids[:, None, None]
        for group in self._world.groups:
            mine = robots[:, group.indices]
            if ep.FRICTION in self._active and group.grip_geoms.size:
                base = self._base["geom_friction"][group.grip_geoms, 0]
                self._field("geom_friction")[rows, group.grip_geoms, 0] = base * mine[..., ep.FRICTION, None]
            if ep.DAMPING in self._active:
                for name in _DAMPING:
                    base, factor = self._base[name][group.dofs], mine[..., ep.DAMPING, None]
                    if base.any():
                        self._field(name)[rows, group.dofs] = base * (factor if base.ndim == 2 else factor[..., None])
            if ep.GRIPPER in self._active and group.grip_actuators.size:
                base = self._base["actuator_forcerange"][group.grip_actuators]
                self._field("actuator_forcerange")[rows, group.grip_actuators] = (
                    base * mine[..., ep.GRIPPER, None, None]
                )
            if group.tyres is not None and {ep.FRICTION, ep.LINK_MASS, ep.PAYLOAD} & self._active:
                nominal = self._base["body_mass"][group.bodies].sum(axis=-1)
                load = mine[..., ep.LINK_MASS] + mine[..., ep.PAYLOAD] / nominal
                tyres = group.tyres
                force = np.minimum((load * mine[..., ep.FRICTION])[..., None] * tyres.grip, tyres.motor)
                limits = self._field("actuator_forcerange")
                limits[rows, tyres.actuators, 0], limits[rows, tyres.actuators, 1] = -force, force
            if {ep.LINK_MASS, ep.PAYLOAD} & self._active:
                factor = mine[..., ep.LINK_MASS, None]
                mass = self._base["body_mass"][group.bodies] * factor
                inertia = self._base["body_inertia"][group.bodies] * factor[..., None]
                carrier = group.bodies == group.payload_bodies[:, None]
                loaded = mass + carrier * mine[..., ep.PAYLOAD, None]
                # A payload is taken to lie where its carrier's own mass does.
                self._field("body_mass")[rows, group.bodies] = loaded
                # A mount without mass has none to be loaded.
                heavier = np.divide(loaded, mass, out=np.ones_like(mass), where=mass > 0.0)
                self._field("body_inertia")[rows, group.bodies] = inertia * heavier[..., None]
        return bool({ep.LINK_MASS, ep.PAYLOAD} & self._active)

    def _apply_objects(self, ids: np.ndarray, things: np.ndarray) -> bool:
        rows, bodies, geoms = ids[:, None], self._object_bodies, self._object_geoms
        mass, size, friction = things[..., 0], things[..., 1], things[..., 2]
        if self._objects_active[2]:
            self._field("geom_friction")[rows, geoms, 0] = friction
        if self._objects_active[1]:
            self._field("geom_size")[rows, geoms] = self._base["geom_size"][geoms] * size[..., None]
            self._field("geom_rbound")[rows, geoms] = self._base["geom_rbound"][geoms] * size
            self._field("geom_aabb")[rows, geoms] = self._base["geom_aabb"][geoms] * size[..., None]
        if self._objects_active[0] or self._objects_active[1]:
            ratio = mass / self._base["body_mass"][bodies]
            self._field("body_mass")[rows, bodies] = mass
            inertia = self._base["body_inertia"][bodies] * (ratio * size**2)[..., None]
            self._field("body_inertia")[rows, bodies] = inertia
            return True
        return False
