// One demo from beginning to end. Whatever happens, the engine is closed and no loop device stays attached.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Multipath, virtualLun } from '../../index.ts'
import { BLOCK_BYTES } from './blocks.ts'
import { compareLedger } from './compare.ts'
import { openDevices } from './devices.ts'
import type { Backend, Devices } from './devices.ts'
import { Load } from './load.ts'
import type { DemoReport } from './report.ts'
import type { Screen } from './screen.ts'
import { healAll, playRound } from './script.ts'
import type { Actor, Stage } from './script.ts'
import { Witness } from './witness.ts'
import type { Workspace } from './workspace.ts'

export interface DemoSettings {
  readonly seconds: number
  readonly backend: Backend | 'auto'
  readonly imageBytes: number
}

export interface DemoOutcome {
  readonly report: DemoReport
  /** A position worth looking at: no path was left. */
  readonly allAwayAt: number | null
}

/** The checker of the demo is impatient, so that three seconds hold a dozen failures. */
const CHECKER = { minMs: 20, maxMs: 200 }
/**
 * What gets an error here never reached the path: the fault is made in front of it. Where the filesystem below cannot
 * promise the same of its own errors, newer writes would wait a minute for proof; the ledger says that time released them.
 */
const GHOST_QUIESCE_MS = 100
/** One round of the script at least, however short the demo; long ones play it again. */
const ROUND_SECONDS = 5

/** Runs the demo. Rejects with Interrupted at a signal, after everything was let go. */
export async function runDemo(
  settings: DemoSettings,
  { image, ledger, lunFolder }: Workspace,
  outside: { screen: Screen; signal: AbortSignal; explain: (why: string) => void },
): Promise<DemoOutcome> {
  const startedAt = performance.now()
  const { screen, signal } = outside
  const lun = virtualLun({ wwid: `naa.6${randomBytes(15).toString('hex').slice(0, 31)}` })
  const mp = await Multipath.open({
    ledger,
    lunFolder,
    multipath: 'always',
    iopolicy: 'round-robin',
    noPathRetry: 'queue',
    checker: CHECKER,
    ghostQuiesceMs: GHOST_QUIESCE_MS,
  })
  const witness = new Witness(mp)
  try {
    const devices = await openDevices(image, lun, settings.backend, outside)
    const actors = await addPaths(mp, devices)
    const head = mp.head(lun.wwid)
    const load = await play(
      settings,
      { head, actors, tell: (line) => screen.tell(line), signal },
      (running) => screen.watch(head, running, () => witness.failovers),
    )
    screen.end()
    screen.tell('the load has ended: every block is read again')
    await load.checkAll(signal)
    const { requeued, resent } = head.counters
    await mp.close()
    await checkImage(image, load, signal)
    screen.tell('the ledger is verified, and replayed against what was seen live')
    const compared = compareLedger(ledger, witness.seen)
    const { tally, blocks } = load
    const { firstError, ...figures } = tally
    const report: DemoReport = {
      backend: devices.backend,
      paths: actors.length,
      devices: devices.all.map(({ device }) => device.device),
      image,
      imageBytes: settings.imageBytes,
      seconds: Math.round(performance.now() - startedAt) / 1000,
      ...figures,
      checked: blocks,
      failovers: witness.failovers,
      requeued,
      resent,
      ledger: { file: ledger, ...compared },
      ...(firstError === null ? {} : { firstError }),
    }
    return { report, allAwayAt: witness.allAwayAt }
  } finally {
    screen.end()
    witness.end()
    await mp.close()
  }
}

/** Hands the devices to the engine. Those that it has not taken are closed here. */
async function addPaths(mp: Multipath, { all }: Devices): Promise<Actor[]> {
  const actors: Actor[] = []
  try {
    for (const { device, fault } of all) actors.push({ path: await mp.addPath(device), fault })
    return actors
  } catch (error) {
    for (const { device } of all.slice(actors.length)) await device.close()
    throw error
  }
}

/** Load and script, for so many seconds; the script is played to its end at least once. */
async function play({ seconds }: DemoSettings, stage: Stage, onStart: (load: Load) => void): Promise<Load> {
  const load = new Load(stage.head)
  const rounds = Math.max(1, Math.floor(seconds / ROUND_SECONDS))
  load.start()
  onStart(load)
  try {
    for (let round = 0; round < rounds; round += 1) await playRound(stage, (seconds * 1000) / rounds)
    await healAll(stage)
    await load.stop()
    return load
  } catch (error) {
    load.abandon()
    // What waits for a path would wait for ever.
    for (const { fault } of stage.actors) fault.heal()
    throw error
  }
}

/** Reads the image past the engine: what it acknowledged must be there, whoever looks. */
async function checkImage(image: string, load: Load, signal: AbortSignal): Promise<void> {
  let block = 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(image, { highWaterMark: 64 * BLOCK_BYTES })) {
    signal.throwIfAborted()
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    const whole = rest.length - (rest.length % BLOCK_BYTES)
    load.check(rest.subarray(0, whole), block)
    block += whole / BLOCK_BYTES
    rest = rest.subarray(whole)
  }
}
