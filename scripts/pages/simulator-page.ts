// docs/simulator.md: how to use the simulator, what it checks, what a sweep must reach, and the bugs that it finds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PLANTS } from '../../simulation/plants/plants.ts'
import { SITUATIONS } from '../../simulation/world/sometimes.ts'
import { code, page, table } from './markdown.ts'

/** test/seeds.json. */
export interface Seeds {
  /** By planted bug: the seed that finds it, and by which check. */
  readonly planted: Readonly<Record<string, { readonly seed: number; readonly invariant: string }>>
  /** Seeds that have found a bug of ours: run again with every test. */
  readonly failed: readonly { readonly seed: number; readonly found: string }[]
}

export function readSeeds(): Seeds {
  return JSON.parse(
    readFileSync(join(import.meta.dirname, '..', '..', 'test', 'seeds.json'), 'utf8'),
  ) as Seeds
}

/** What each check is, by its name. */
export const CHECKS: Readonly<Record<string, string>> = {
  readsAreLegal:
    'every read is legal under the writes that are outstanding, unknown, or were in a cache as the power went',
  nothingLost: 'no acknowledged write is lost, reordered across a flush, or covered by an older one',
  completionsAreSingle: 'exactly one completion for each I/O',
  everyIoSettles: 'after healing every I/O has ended by its deadline',
  onlyUsablePaths: 'no I/O to a path that is disabled or removed',
  rightIdentity: 'no I/O to a device that is another LUN’s now',
  countersEqualInFlight: 'counters equal what is in flight',
  headFollowsPaths: 'the state of a head is a function of the states of its paths',
  queuesAreBounded: 'queues, ghosts and timers are bounded',
  sentInOrder: 'while a write waits, no younger one that overlaps it reaches a path',
  holdsEnd: 'a write that waits for a ghost of another engine goes on when that has ended',
  refusalsAreRemembered: 'a path that refused an I/O does not get it again while it is well',
  durableIsOnMedium: 'what a flush that was well covers, or a write with FUA wrote, is on the medium itself',
  flushTellsLoss: 'a flush that lost writes is an error for its caller',
  gatesBeforeEffects: 'what explains a re-sent write is durable before its caller hears of it',
  ledgerIsWhole: 'the ledger is contiguous and chained, and the machines decide the same bytes again',
  replayEqualsLive: 'the fold of the ledger is the live state',
  recoveryEqualsFold: 'after a restart the engine stands where the ledger says',
  timersFireWhenDue: 'a timer that fires was armed, for that time',
  healedPathsServe: 'after healing every path serves',
  noTimerIsLeft: 'a closed engine has no timer left',
  keyBeforeIo: 'no I/O to a path on which the key is not registered',
  preemptedNeverLands: 'after a preempt is GOOD no write of the preempted engine lands',
  errorsAreExpected: 'callers and operators get errors of ours, with the codes that there may be',
  engineRuns: 'no engine stops because of its own invariants',
  lossStops:
    'an engine whose LUN lost its storage stops, sends nothing more, closes, and every caller has heard of it',
  storageWaitsEnd: 'while the storage of a LUN hangs, adding and removing a path ends in time all the same',
  ghostsOutliveRuns:
    'a ghost that a ledger knows to be open holds writes in every later run, whatever became of the storage of its LUN',
  timeIsNoProof: 'time ends no ghost of a dead engine whose device nobody could claim since',
  sometimes: 'in a sweep of 1,000 seeds or more: each rare situation was reached',
}

export async function simulatorPage(): Promise<string> {
  const { planted } = readSeeds()
  const plants = Object.entries(PLANTS).map(([name, { what }]) => {
    const { seed = '-', invariant = '-' } = planted[name] ?? {}
    return [code(name), what, String(seed), code(invariant)]
  })
  return page(
    'The simulator',
    `\`pathledger simulate\` runs the production engine, its machines and its ledger port on simulated devices and a virtual clock. A
run is a function of its seed: the same seed gives the same ledgers, byte for byte, alone or in a sweep, on one core or on
many. Nothing in it sleeps.

\`\`\`sh
npx pathledger simulate --seeds 1..2000 --json           # a sweep, on every core
npx pathledger simulate --seeds 7 --trace --from 120     # one seed, line by line, from step 120 on
npx pathledger simulate --seeds 1..200 --plant noGhostGuard   # with a planted bug: exit code 5 if it is found
\`\`\`

With \`--json\` it prints \`seeds\`, \`violations\`, \`sometimes\` (in how many seeds each rare situation came up), \`ios\`, \`faults\`,
\`crashes\` (engines that died), and \`trace\`, a hash over all ledgers. A violation names seed, step and check; the exit code
is then 5. Without \`--json\` the output begins with seeds, version, commit and options. For each violation it prints the command that
shows what happened in that seed. For the first such seed it prints the changes of state that led there, one per line: the last
forty, or with \`--from\` all of them from that step on.

## A seed

Each seed picks its own mix of settings, machines and faults:

- one or two hosts, and one to three LUNs with several paths, each behind a volatile cache;
- what errors prove: they are final, or "error now, lands later", or one connection answers in order;
- programs that read, write (with FUA, overlapping, aborted), flush, discard and zero;
- operators who disable and enable paths, change policies and access states, remove and add devices, release ghosts;
- devices that fail, flap, are slow, hang, are busy, come back as another LUN, grow and shrink; caches that cannot write back;
- ledgers that are busy, full, failing or hung, or lose their answer; clocks that are set; two engines that reserve and preempt;
- the storage that the engines of a LUN share: it hangs, and it is cleaned away. Then they stop, and are started again with what
  their ledgers know;
- other programs that have devices open.

An engine dies at any moment, or at any call of a port: before or after a commit, a submit, a completion, a timer or a change of the
LUN's storage, and even while it recovers. A power cut loses, block by block, data that was only in a cache, and tears the write that
is in progress.

First comes the unsafe phase, with the checks after every step. Then everything is healed and given time, and the final
checks are made.

The checks compare with a model of the medium that knows nothing of paths. For every block it knows what a read may return now, and
what may be there after a power cut (\`simulation/world/shadow.ts\`).

## What is checked

${table(
  ['check', 'what must hold'],
  Object.entries(CHECKS).map(([name, what]) => [code(name), what]),
)}

## What a sweep must reach

${table(
  ['situation', 'what it is'],
  Object.entries(SITUATIONS).map(([name, what]) => [code(name), what]),
)}

## Planted bugs

A check that cannot fail is worth nothing. So each check above, except the last, finds one of these bugs. \`--plant NAME\` puts a
bug into the engine, through its ports or its classes, while a seed runs. The sources have no switches for this, except for the guard
against ghosts. \`test/seeds.json\` has the seed that finds each bug. \`test/simulation/planted.test.ts\` runs it with the bug, and the
same seed without it.

${table(['bug', 'what the engine does', 'seed', 'found by'], plants)}

## A seed that fails

Fix the engine, with a test of its own, and add the seed to \`failed\` in \`test/seeds.json\`: it is then run with every test.`,
  )
}
