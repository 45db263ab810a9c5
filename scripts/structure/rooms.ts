// Where code stands and which way imports point: the one list of it. A house is a top folder, or a file beside those; a room is a
// folder of a house, or a file that stands beside its rooms. The tidy test holds it, `npm run structure` measures it.

/** Rooms by name, with what each is for. */
export type Floor = Readonly<Record<string, string>>

export interface House {
  readonly what: string
  /** Houses that it may import, or single rooms of them. */
  readonly imports: readonly string[]
  /** Further ones of which it may know types only. */
  readonly types?: readonly string[]
  /** Its rooms, the highest floor first: a room imports itself and rooms on lower floors, no other. None: it has no rooms yet. */
  readonly floors?: readonly Floor[]
}

const BELOW_STORE = ['machines', 'errors']
const BELOW_ENGINE = ['store', 'adapters', ...BELOW_STORE]
const DOORS = ['index', 'doors']

export const HOUSES: Readonly<Record<string, House>> = {
  errors: { what: 'the one class of errors: a stable code, what happened, why, what to do', imports: [] },

  machines: {
    what: 'what is decided: state machines, pure, the same in a test, in a run and in a replay',
    imports: ['errors'],
    floors: [
      { 'redecide.ts': 'steps a machine over an event of the ledger and compares' },
      { 'upcast.ts': 'old payloads in the shape of today' },
      { 'registry.ts': 'which machine a stream has' },
      { engine: 'the life of an engine', observed: 'streams of hosts that others run: unknown is a state' },
      {
        path: 'the life of a path',
        head: 'the life of a head',
        lun: 'what belongs to the logical unit: sizes, ghosts, port groups',
        reservation: 'persistent reservations',
        'decision.ts': 'what a machine decided, in the words of the ledger',
        'quick-check.ts': 'the check of a payload that runs for every event',
      },
      { 'predicates.ts': 'what a state of a path means for I/O', 'step.ts': 'one step of a machine' },
      {
        'effects.ts': 'what a machine may ask for',
        'events.ts': 'how events and their payloads are declared',
        'words.ts': 'states, policies and classes of errors, by name',
      },
      { 'behaviour.ts': 'decisions that changed, and from which version on' },
    ],
  },

  adapters: {
    what: 'what touches the world: devices, the kernel, clocks, sockets; each behind a port',
    imports: ['errors'],
    types: ['machines'],
    floors: [
      { paths: 'what can be a path: loop device, file, memory, a virtual LUN, a recording' },
      { helper: 'a helper process that does what needs rights or may hang' },
      { child: 'I/O in a child process, which a hung device takes with it' },
      {
        sources: 'files of logs, unpacked, and the time zones of the world',
        watch: 'what a live host says of itself: kmsg, journal, uevents, sysfs, multipathd',
      },
      { filters: 'faults on purpose: errors, delays, hangs', loop: 'the loop driver of the kernel' },
      {
        'descriptor.ts': 'an open device or file, and what is known of it',
        'fence-command.ts': 'fences from a file of commands',
        'fs-backend.ts': 'I/O by the thread pool of Node',
        scsi: 'bytes of SCSI, and a target in this process',
        uring: 'I/O by io_uring',
        nbd: 'the server side of the NBD protocol',
      },
      {
        'completions.ts': 'how an I/O ended, out of what the system said',
        control: 'the control socket: frames, server, client',
        'final-errors.ts': 'whether an error of a device proves that nothing lands later',
        'seeded-random.ts': 'randomness as a function of a seed',
        'system.ts': 'the real clock, timers, ids',
        uevents: "the kernel's uevents",
        'virtual-clock.ts': 'time that a test moves',
      },
      {
        'block-stack.ts': 'what lies under a block device',
        'ports.ts': 'what the engine is given: the words of every port',
      },
      {
        'aligned.ts': 'memory that O_DIRECT takes',
        'errno.ts': 'names of error numbers',
        'file-facts.ts': 'what is known of a file without reading it',
        'memory-address.ts': 'where a memory lies',
        'mounts.ts': 'what is mounted where',
        'numa.ts': 'NUMA nodes of this machine',
        'pid.ts': 'the number of this process',
        sysfs: 'a tree in the form of /sys, written into a folder',
        'timer-heap.ts': 'timers by their deadlines',
        'unique-id.ts': 'designators of devices, as the kernel names them',
      },
    ],
  },

  store: {
    what: 'the ledger: rows that are only added, and what is read, folded and checked out of them',
    imports: BELOW_STORE,
    types: ['adapters/ports.ts'],
    floors: [
      { life: 'segments, backup, export, repair, signatures: the years of a ledger' },
      {
        replay: 'a history again, step by step, and a verdict on it',
        write: 'adding rows: plans, groups, the thread that writes',
        audit: 'questions over all of history, one file each',
      },
      {
        explain: 'why something is as it is, back to its root',
        read: 'rows by position, stream, type and time',
        verify: 'whether a ledger is whole and follows from itself',
      },
      {
        lun: 'what the engines of a LUN share: ghosts, paths, reservations',
        sql: 'questions in SQL, read-only and bounded',
        state: 'the state at a position: folded, and kept in snapshots',
      },
      {
        file: 'a ledger file and who has it: lock, connection, errors of SQLite',
        projections: 'tables made from rows',
      },
      { rows: 'what a row is: bytes, hashes, schema, header' },
      { 'pages.ts': 'rows in pages, so that memory is bounded' },
      { 'types.ts': 'what readers and writers of a ledger promise', 'limits.ts': 'every bound of the store' },
    ],
  },

  foreign: {
    what: 'the history of hosts that others run: envelopes, templates, identities, rules, and writing it as a ledger',
    imports: ['store', ...BELOW_STORE],
    types: ['adapters/ports.ts'],
    floors: [
      {
        write: 'facts as the rows of a ledger of observations',
        recorded: 'questions and explanations, answered from the rows of a ledger',
      },
      { answers: 'the questions after a night, answered from facts' },
      { 'read.ts': 'files to facts, without a ledger' },
      { rules: 'from what lines say to what happened, and from what it came' },
      { identity: 'who is who, and while when' },
      { sources: 'bytes to lines, records and clocks; all sources of a host on one time line' },
      { snapshots: 'what a snapshot states', envelopes: 'a line out of its envelope' },
      { templates: 'what lines look like and what they say: data' },
      { time: 'calendars, zones and wall clocks' },
      { 'types.ts': 'line, statement, fact' },
    ],
  },

  observe: {
    what: 'watching a live host without touching a device',
    imports: ['foreign', ...BELOW_ENGINE],
    floors: [
      { 'host.ts': 'this host, as it is watched' },
      { 'run.ts': 'the daemon: what it reads, when it looks, and its ledger' },
      { 'observer.ts': 'lines and looks in, rows out' },
      {
        'stalls.ts': 'I/O that stands still, by its counters',
        'own-disk.ts': 'where its own ledger lies',
      },
      { 'sysfs.ts': 'what sysfs says, and what changed since the last look' },
    ],
  },

  fleet: {
    what: 'the ledgers of many hosts: shipping them to PostgreSQL, and asking there',
    imports: ['store', ...BELOW_STORE],
    types: ['adapters/ports.ts'],
  },

  engine: {
    what: 'what runs: heads and paths, their I/O and their health; it acts, and records what the machines decide',
    imports: BELOW_ENGINE,
    floors: [
      { 'multipath.ts': 'an engine as a program has it in its hands' },
      { 'closing.ts': 'how an engine ends' },
      { views: 'what others see of a running engine: /sys, the control socket, spans' },
      { api: 'what a program has in its hands: Head, Path, Adapter, Partition, PlainDevice, Reservations' },
      { attach: 'how a device becomes a path and leaves; recovery; heads and paths by name' },
      { 'actions.ts': "what the effects of a path's machine do" },
      { io: 'the life of one I/O: checked, cut, sent, tried, failed over, held, parked, ended' },
      { health: 'is a path well: verdict on a suspicion, checker, margin, fencing' },
      { alua: 'port groups: asking a target, and what its answer means for paths' },
      { heads: 'heads and their paths while they run: data; decide, record, perform' },
      { 'assemble.ts': 'what an engine is made of and opened with' },
      { lun: 'what belongs to the logical unit and outlives its heads: ghosts, reservations' },
      { accounting: 'counters, disk statistics, tracing of single I/Os' },
      {
        'ledger-life.ts':
          'signing, repairing and closing segments of a ledger, with the clock and name of this engine',
      },
      { core: 'what every part shares: clock and settings, names, NUMA nodes, blk_status' },
      { memory: "pool, lent buffers, the caller's own, vectors" },
      { ledger: "the engine's side of the ledger: recorder, streams with their machines, gates, timers" },
      { select: 'which path an I/O takes: the table that is read, and the policies' },
    ],
  },

  simulation: {
    what: 'lives of an engine in a world of faults, and what must always hold in them',
    imports: ['engine', ...BELOW_ENGINE],
    floors: [
      { 'simulate.ts': 'seeds, one after the other' },
      { 'invariants.ts': 'what must always hold', 'play.ts': 'one life, from its first step to its last' },
      {
        deeds: 'what is done: workload, faults, operators',
        plants: 'bugs put in on purpose, which seeds must find',
      },
      { world: 'what there is: hosts, devices, disks, LUNs, the ledger' },
    ],
  },

  'what-if': {
    what: 'a history again with other settings',
    imports: ['engine', ...BELOW_ENGINE],
    floors: [
      { 'what-if.ts': 'the question and its answer' },
      { 'rerun.ts': 'runs a recording again' },
      { 'recording.ts': 'what a ledger says was asked of the engine' },
    ],
  },

  daemon: {
    what: 'the service: configuration, assembling heads from it, metrics',
    imports: ['engine', ...BELOW_ENGINE],
  },

  index: {
    what: 'the main door, `pathledger`: open an engine; devices and filters',
    imports: ['engine', 'simulation', 'what-if', 'foreign', ...BELOW_ENGINE],
  },

  doors: {
    what: 'the other doors of the package: ledger, audit, scsi, simulate',
    imports: ['engine', 'simulation', 'what-if', 'foreign', ...BELOW_ENGINE],
  },

  page: {
    what: 'the night on one page: its server and what runs in the browser; a client of the doors',
    imports: [...DOORS, 'errors'],
  },

  cli: {
    what: 'the command: reads words, calls the doors, prints answers',
    imports: [...DOORS, 'page', 'daemon', 'observe', 'fleet', 'errors'],
    types: ['engine', 'simulation', 'what-if', 'foreign', ...BELOW_ENGINE],
    floors: [
      { 'main.ts': 'the command and its verbs' },
      { verbs: 'one verb a file: words in, an answer out' },
      {
        audit: 'the questions of `audit` and how answers are shown',
        replay: 'a replay that is stepped through',
      },
      { show: 'states, events and listings in words' },
      {
        demo: 'the demo: devices, load, faults, the report',
        'engine-verb.ts': 'verbs that ask a running engine',
        'moment.ts': 'a moment: time or position, as people write it',
        'names.ts': 'streams by the names that people use',
      },
      {
        'failure.ts': 'an error in words, and its exit code',
        'progress.ts': 'a bar for what takes long',
        simulate: 'seeds on many threads, and what they found',
        'verb.ts': 'what every verb is made with',
      },
      {
        'exit-codes.ts': 'exit codes and what they mean',
        'io.ts': 'where a verb reads and prints',
        'text.ts': 'tables, counts and durations in words, and nothing that steers a terminal',
      },
    ],
  },
}

/** Houses and rooms that are on the list before they are there, so that what is coming lands in its place. */
export const COMING: readonly string[] = ['fleet', 'daemon', 'page', 'adapters/nbd']

/** Every house that makes the product, those that are coming included. */
export const PRODUCT: readonly string[] = Object.keys(HOUSES)

/** Those of them that are folders. */
export const PRODUCT_FOLDERS: readonly string[] = PRODUCT.filter(
  (house) => !['errors', 'index'].includes(house),
)

/** The house of a file: its first folder, or its own name where it stands at the root. Null: not of the product. */
export function houseOf(path: string): string | null {
  const slash = path.indexOf('/')
  const name = slash < 0 ? path.replace(/\.[jt]s$/, '') : path.slice(0, slash)
  return name in HOUSES ? name : null
}

/** The room of a file: house and folder, or house and file. */
export function roomOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

/** The floor of a room, 0 the highest; null for one that is not on the list. */
export function floorOf(room: string): number | null {
  const [house = '', name = ''] = room.split('/')
  const at = HOUSES[house]?.floors?.findIndex((floor) => name in floor) ?? -1
  return at < 0 ? null : at
}

/** Every room on the list, as `house/room`. */
export function rooms(): string[] {
  return Object.entries(HOUSES).flatMap(([house, { floors = [] }]) =>
    floors.flatMap((floor) => Object.keys(floor).map((room) => `${house}/${room}`)),
  )
}
