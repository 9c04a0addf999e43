"""The main job, phase by phase."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metabot.bringup.description import FleetDescription
from metabot.bringup.domain import DomainLease
from metabot.bringup.supervisor import Death, Supervisor, fleet_environment
from metabot.demo.config import CHECKPOINT, DemoConfig, learned_in
from metabot.demo.console import DemoConsole, Phase
from metabot.demo.faults import FAULTS, LEAST, with_faults
from metabot.demo.findings import Findings, summarise
from metabot.demo.paths import PATHS, UNADAPTED_PATHS, write_paths
from metabot.demo.summary import FaultRecord, Summary, UnadaptedDrive
from metabot.demo.tasks import foreign, in_words, with_others
from metabot.fleet import FleetError
from metabot.meta import expert_acts
from metabot.meta.dagger_schedule import helped_by
from metabot.nodes.client import FleetClient, Pending, adapted_vector
from metabot.params import save_checkpoint
from metabot.task import Mission, TaskSpec, place
from metabot.task.model import SpecError

if TYPE_CHECKING:
    from metabot_interfaces import msg

    from metabot.problems.family import FamilyProblem

ROUND_TIMEOUT_S = 90.0
"""Without a finished round of the default size for so long the meta-training is given up."""
ADAPT_TIMEOUT_S = 240.0
"""The same for the adaptation of all robots with the default number of trials."""
ENGAGE_TIMEOUT_S = 40.0
"""Within so long a policy node that died is there again and has heard its robot."""
LOGS = "logs"
UNADAPTED_S = 6.0
"""Seconds that robots have before they have adapted: those that have adapted take fewer."""
UNADAPTED_POLICY = "unadapted.onnx"
SETTLE_S = 0.5
"""Seconds after the last arrival in which the robots must stay out of each other's way."""


class NotUnderstood(SpecError):
    """The language model abstained; the message says why and what is possible."""


@dataclass
class Demo:
    """One run of the main job; `run` does it all."""

    config: DemoConfig
    console: DemoConsole = field(default_factory=DemoConsole)
    folder: Path | None = field(default=None, init=False)
    """The run's own folder, once it has begun."""

    def run(self) -> Summary:
        """From the sentence to the report.

        Raises:
            NotUnderstood: if the sentence asks for something the fleet cannot do.
            DomainError: if the wanted ROS domain is in use.
            FleetError: if the fleet does not do its part.
        """
        self._started = time.monotonic()
        self._found = Findings()
        self._pending: dict[str, Pending] = {}
        self._standing: list[str] = []
        self._driving = False
        config, say = self.config, self.console.say
        self._twin = self._rehearsal()
        with DomainLease(config.domain) as lease:
            self.folder = self._folder = _new_folder(config.runs)
            say(f"run folder {self._folder}, ROS domain {lease.domain}, seed {config.seed}", "dim")
            # Loggers and DDS of this process read the environment as the nodes do.
            os.environ.update(fleet_environment(lease.domain, self._folder / LOGS))
            self._supervisor = Supervisor(self._folder / LOGS, lease.domain, on_death=self._on_death)
            with self._supervisor, FleetClient(lease.domain, tick=self._supervisor.watch) as self._client:
                spec = config.world() or self._read_sentence()
                self._train(spec)
                self._give_task(spec)
                if not config.quick:
                    self._drive_unadapted(spec)
                self._adapt(spec)
                self._drive(spec)
        if not config.quick:
            self._cross()
            self._compare()
        summary = summarise(
            self._found,
            self._client.view,
            spec,
            self._helped,
            instruction=config.instruction,
            command=config.command,
            algorithm=self._fleet.method,
            events=self.console.events,
            phases_s=self.console.phases_s,
            wall_s=round(time.monotonic() - self._started, 2),
            peak_rss_mb=round(self._supervisor.peak_rss_mb, 1),
            seed=config.seed,
        )
        summary.write(self._folder / "summary.json")
        return self._report(summary)

    # -- the phases -----------------------------------------------------------------------

    def _read_sentence(self) -> TaskSpec:
        config = self.config
        with self.console.phase("Reading the sentence") as phase:
            # The number of robots is the sentence's to say, so only the language node starts before.
            self._supervisor.start([FleetDescription.of_size(1).language()])
            phase.show(0.1, "starting the language node")
            answer = self._client.parse_task(config.instruction, config.seed)
            if not answer.ok:
                raise NotUnderstood(answer.message)
            mission = Mission.parse(answer.mission_json)
            self._found.confidence = float(answer.confidence)
            phase.show(1.0, f"{answer.message} (confidence {answer.confidence:.2f})")
        spec = place(mission, config.seed)
        like = self._twin.spec
        # Judged as it was trained: how near, and how long it has to stand there.
        success = like.success.model_copy(update={"contact": spec.success.contact})
        scene = {"family": like.family, "control_hz": like.control_hz, "success": success}
        return with_faults(spec.model_copy(update=scene))

    def _rehearsal(self) -> FamilyProblem:
        from metabot.problems import make_problem
        from metabot.problems.family import FamilyProblem

        twin = make_problem(self.config.task_distribution(), threads=min(2, os.cpu_count() or 1))
        assert isinstance(twin, FamilyProblem)  # others were refused
        return twin

    def _train(self, spec: TaskSpec) -> None:
        config = self.config
        checkpoint = self._folder / CHECKPOINT
        rounds, before = config.rounds, 0
        if config.resume is not None:
            earlier, origin = learned_in(config.resume)
            save_checkpoint(checkpoint, earlier.vector, earlier.layout, earlier.info)
            rounds += origin.version
            # A fleet tells its earlier rounds again; a training has none to tell.
            before = min((each["version"] for each in earlier.info.get("history", [])), default=origin.version)
        self._fleet = FleetDescription(
            robots=tuple(robot.name for robot in spec.robots),
            method=config.method,
            settings=config.settings_json(),
            rounds=rounds,
            tasks=config.tasks,
            episodes=config.practice,
            trials=config.trials,
            seed=config.seed,
            control_hz=spec.control_hz,
            distribution=self._twin.distribution.model_dump_json(),
            checkpoint=checkpoint.resolve(),
            exports=self._folder.resolve(),
        )
        with self.console.phase("Learning to learn") as phase:
            nodes = [node for node in self._fleet.processes() if node.executable != "language"]
            self._supervisor.start(nodes)
            phase.show(0.0, f"starting {len(nodes)} nodes")
            view, seen = self._client.view, before - 1
            while True:
                target = seen + 1
                if target >= rounds:
                    break

                def more(target: int = target) -> bool:
                    if not self._supervisor.alive("meta_learner"):
                        raise FleetError("the meta-learner is gone for good; see its log")
                    return max(view.rounds, default=-1) >= target

                size = self._size(config.tasks * config.practice) * DemoConfig.trials
                self._client.wait(
                    more,
                    f"round {target + 1}",
                    ROUND_TIMEOUT_S * max(1.0, size / (DemoConfig.tasks * DemoConfig.practice)),
                )
                seen = max(view.rounds)
                for version in range(target, seen + 1):
                    self._tell_round(version)
                newest = view.rounds[seen]
                phase.show(
                    (seen + 1) / rounds,
                    f"round {seen + 1}/{rounds}, success {newest.success_before:.0%} before adaptation,"
                    f" {newest.success_after:.0%} after {config.practice} episodes{helped_by(self._helped(seen))}",
                )
            self._client.wait(
                lambda: view.parameters is not None and view.parameters.version >= rounds, "the last parameters", 30.0
            )

    def _helped(self, version: int) -> float:
        """Share of the steps of a round's episodes in which an expert acts."""
        return expert_acts(self._fleet.method, self.config.all_settings(), version)

    def _tell_round(self, version: int) -> None:
        newest = self._client.view.rounds.get(version)
        if newest is None:
            return
        if newest.missing:
            self.console.event(f"round {version + 1} finished without {', '.join(newest.missing)}")
        for line in newest.rejected:
            self.console.event(f"round {version + 1}: update refused: {line}")

    def _give_task(self, spec: TaskSpec) -> None:
        """The task, for the world and for whoever drives in it."""
        self._client.publish_task(spec, self.config.instruction)
        self._client.follow(self._fleet.robots)

    def _drive_unadapted(self, spec: TaskSpec) -> None:
        """What the meta-learned start does in the shared world: the same robots, places and faults."""
        robots = self._fleet.robots
        with self.console.phase("Driving before adaptation") as phase:
            phase.show(0.0, "exporting the policy")
            for number, robot in enumerate(robots):
                if not number or self._twin.agents > 1:
                    start = self._exported_start(spec, number)
                self._client.hand_out((robot,), start, UNADAPTED_POLICY)
            world, drive_s = self._driven(spec, min(UNADAPTED_S, spec.horizon_s), phase)
            self._client.take_back()
        self._found.unadapted = UnadaptedDrive(
            reached=list(world.reached), contacts=list(world.contacts), drive_s=round(drive_s, 2)
        )
        write_paths(self._folder / UNADAPTED_PATHS, self._found.paths)

    def _exported_start(self, spec: TaskSpec, number: int) -> bytes:
        """The policy that knows nothing of its task, for the interface of a robot; the first one's is kept."""
        import torch

        from metabot.deploy.contract import PolicyContract
        from metabot.deploy.export import export_policy
        from metabot.meta import make_meta_learner
        from metabot.nodes.conversions import meta_parameters_from_ros
        from metabot.problems.interface import interface_of

        config, message, twin = self.config, self._client.view.parameters, self._twin
        assert message is not None  # training has ended
        parameters = meta_parameters_from_ros(message)
        learner = make_meta_learner(config.method, twin, **config.all_settings())
        contract = PolicyContract(
            robot=interface_of(twin, number),
            layout_hash=learner.policy.layout.hash,
            version=parameters.version,
            method=config.method,
            settings=config.all_settings(),
            family=twin.name,
            task_digest=spec.digest,
        )
        path = None if number else self._folder / UNADAPTED_POLICY
        start = learner.start(torch.from_numpy(parameters.vector)).detach().numpy()
        return export_policy(path, learner.policy, start, contract).content

    def _adapt(self, spec: TaskSpec) -> None:
        """Every robot adapts to its own fault; then they share out more, to have `LEAST` to tell apart."""
        robots, found, twin = self._fleet.robots, self._found, self._twin
        # Robots that act together share one task, which all of them adapt to in the same way.
        askable = robots if twin.agents == 1 else robots[:1]
        # Nobody drives meanwhile, and listening to a world takes time that adapting needs.
        self._client.pause_world()
        with self.console.phase("Adapting to the faults") as phase:
            self._adapt_wave(spec, robots, 0, phase)
            number = 0
            while len(found.faults) < self._told_apart:
                number += len(askable)
                self._adapt_wave(spec, askable[: self._told_apart - len(found.faults)], number, phase)
        self._client.pause_world(False)

    def _adapt_wave(self, spec: TaskSpec, robots: tuple[str, ...], number: int, phase: Phase) -> None:
        """Robots adapt side by side; what they drive with comes of the first wave, which is the world as it is."""
        config, found, first = self.config, self._found, not number
        wave = with_others(spec, number, config.seed)
        self._pending = pending = {
            robot: self._client.adapt(
                robot,
                wave,
                episodes=config.episodes,
                trials=config.trials,
                seed=config.seed,
                deploy=first,
                file=f"{robot}.onnx" if first else "",
            )
            for robot in robots
        }
        count = max(self._told_apart, len(self._fleet.robots))
        for robot, result in self._client.results(pending, ADAPT_TIMEOUT_S * self._size(config.trials)):
            if not result.ok:
                raise FleetError(f"{robot} did not adapt: {result.message}")
            del pending[robot]
            if first:
                found.adapted[robot] = result
            row, own = self._twin.state(wave, robot), wave.robot(robot)
            record = FaultRecord(
                name=in_words(self._twin, row, own),
                dynamics=own.dynamics,
                foreign=foreign(own.dynamics, self._twin.distribution),
                before=result.success_before,
                after=result.success_after,
            )
            found.faults.append(record)
            found.tasks.append(row)
            found.policies.append(adapted_vector(result))
            after = np.mean([fault.after for fault in found.faults])
            told = f"success {after:.0%} after {config.episodes} episodes"
            phase.show(min(len(found.faults) / count, 1.0), f"{told}, {len(found.faults)} of {count} faults")

    @property
    def _told_apart(self) -> int:
        """How many faults there are to tell apart, however few robots."""
        return 0 if self.config.quick else min(LEAST, len(FAULTS.get(self._twin.name, range(LEAST))))

    def _size(self, trials: int) -> float:
        """How many times longer than the default demo's an adaptation may take."""
        usual = DemoConfig.trials * 100
        return max(1.0, trials * self._twin.horizon * self._twin.agents / usual)

    def _drive(self, spec: TaskSpec) -> None:
        with self.console.phase("Driving in the shared world") as phase:
            self._found.world, self._found.drive_s = self._driven(spec, spec.horizon_s, phase)
        write_paths(self._folder / PATHS, self._found.paths)

    def _driven(self, spec: TaskSpec, limit_s: float, phase: Phase) -> tuple[msg.WorldStatus, float]:
        """Drive from the start until all have arrived or time is up: the world's last word, and the seconds it took."""
        client, robots = self._client, self._fleet.robots
        client.reset_world()
        client.view.world = None  # its last word was on what was before
        client.record_paths(robots, tuple(thing.name for thing in spec.objects))
        started = time.monotonic()
        self._standing, self._driving = list(robots), True

        def arrived() -> bool:
            while self._standing:
                # Taken out first: a death noticed meanwhile puts its robot in again.
                self._client.engage(self._standing.pop(), timeout_s=ENGAGE_TIMEOUT_S)
            world = client.view.world
            reached = sum(world.reached) if world is not None and world.digest == spec.digest else 0
            elapsed = time.monotonic() - started
            phase.show(min(elapsed / limit_s, 1.0), f"{reached} of {len(robots)} robots have done their part")
            return reached == len(robots) or elapsed > limit_s

        client.wait(arrived, "the drive", limit_s + 30.0)
        drive_s = time.monotonic() - started
        # Let the last robot settle on its pad and its final status come in.
        client.wait(lambda: time.monotonic() - started > drive_s + SETTLE_S, "settling", 10.0)
        client.stop_recording()
        self._driving = False
        for robot in robots:
            client.engage(robot, False)
        assert client.view.world is not None
        self._found.paths = {robot: np.array(path).reshape(-1, 4) for robot, path in client.view.paths.items()}
        return client.view.world, drive_s

    def _cross(self) -> None:
        """Every adapted policy with every fault, when the fleet's processes are gone and both cores are free."""
        from metabot.demo.crossing import cross
        from metabot.policy.threads import one_torch_thread

        one_torch_thread()
        config, found = self.config, self._found
        with self.console.phase("Adapted to one fault, driven with another") as phase:
            found.cross_matrix = cross(
                self._twin,
                config.method,
                config.all_settings(),
                found.faults,
                np.array(found.tasks),
                np.array(found.policies),
                config.trials,
                config.seed,
            )
            matrix = found.cross_matrix
            off = "" if matrix.off_diagonal is None else f", with another {matrix.off_diagonal:.0%}"
            own = np.mean([row[index] for index, row in enumerate(matrix.success)])
            phase.show(1.0, f"success with its own {own:.0%}{off}")

    def _compare(self) -> None:
        """The baselines."""
        from metabot.demo.rivals import Rivals

        if not self.config.baselines:
            return
        config, found = self.config, self._found
        with self.console.phase("Baselines") as phase:
            faults = np.array(found.tasks)
            budget = sum(message.env_steps for message in self._client.view.rounds.values())
            rivals = Rivals(self._twin, faults, budget, config.episodes, config.trials, config.seed, phase.show)
            found.baselines = rivals.compare()
            best = found.baselines[0]
            phase.show(1.0, f"the strongest that does not adapt, {best.name}: {np.mean(best.success):.0%}")

    def _report(self, summary: Summary) -> Summary:
        from metabot.demo.report import write_report

        with self.console.phase("Writing the report") as phase:
            files = write_report(self._folder, video=self.config.video)
            phase.show(1.0, str(files.html))
        # Written again: the report's own time belongs to the wall time.
        summary = summary.model_copy(
            update={"wall_s": round(time.monotonic() - self._started, 2), "phases_s": self.console.phases_s}
        )
        summary.write(self._folder / "summary.json")
        self.console.table(summary)
        if files.video_note:
            self.console.say(files.video_note, "yellow")
        self.console.say(f"{self._folder / 'summary.json'}\n{files.html}", "bold")
        return summary

    def stopped(self) -> str:
        """What to tell a user who interrupted the run: where what was learned is kept."""
        if self.folder is None or not (self.folder / CHECKPOINT).exists():
            return "stopped; nothing had been learned yet"
        return f"stopped; what was learned is kept, go on with: metabot demo --resume {self.folder}"

    # -- helpers --------------------------------------------------------------------------

    def _on_death(self, death: Death) -> None:
        outlook = "started again" if death.respawned else "given up"
        self.console.event(f"{death.label} {death.reason}; {outlook}")
        robot, _, node = death.label.partition(".")
        # What the process had been asked died with it.
        if node == "robot_learner" and robot in self._pending:
            if not death.respawned:
                raise FleetError(f"{robot}'s learner is gone for good; see {self._folder / LOGS / death.label}.log")
            self._pending[robot].resend()
        elif node == "policy" and death.respawned and self._driving:
            self._standing.append(robot)


def _new_folder(runs: Path) -> Path:
    """A folder of this run's own; two runs in one second get two."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        folder = runs / (stamp + suffix)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise SpecError(f"runs: {folder} cannot be made ({error.strerror})") from None
        return folder
    raise SpecError(f"runs: {runs / stamp} exists a hundred times over")
