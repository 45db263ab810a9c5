// What happens to the paths of the demo, in turn: each fails and heals, all of them go away and come back, one write
// fails on a healthy path, an operator pulls a path, and the policy changes.
import { PathledgerError } from '../../errors.ts'
import type { Head, Path } from '../../index.ts'
import type { Fault } from './devices.ts'
import { Interrupted, pause } from './interrupt.ts'

export interface Actor {
  readonly path: Path
  readonly fault: Fault
}

export interface Stage {
  readonly head: Head
  readonly actors: readonly Actor[]
  /** Tells the audience. */
  readonly tell: (line: string) => void
  readonly signal: AbortSignal
}

/** Waits in one round: the time it lasts is shared out over them. */
const PAUSES = 17
/** No path takes longer than this to fail or to come back; the checker asks every 200 ms at least. */
const PATIENCE_MS = 20_000
const POLL_MS = 2

/** Plays the script once; it takes about `ms`, longer when the paths need it. */
export async function playRound(stage: Stage, ms: number): Promise<void> {
  const hold = ms / PAUSES
  for (const actor of stage.actors) await failAndHeal(stage, actor, hold)
  await takeAllAway(stage, hold)
  await failOneWrite(stage, hold)
  await operate(stage, hold)
  await changePolicy(stage, hold)
}

/** Heals everything, and waits until every path is usable again. */
export async function healAll(stage: Stage): Promise<void> {
  for (const { fault } of stage.actors) fault.heal()
  for (const { path } of stage.actors) {
    await until(stage, `${path.name} is back`, () => path.usable)
  }
}

async function failAndHeal(stage: Stage, { path, fault }: Actor, hold: number): Promise<void> {
  const { tell, signal } = stage
  await pause(hold, signal)
  tell(`${path.name} goes bad: every I/O on it gets EIO`)
  fault.fail()
  await until(stage, `${path.name} is failed`, () => path.failure !== null)
  await pause(hold, signal)
  fault.heal()
  await until(stage, `${path.name} is back`, () => path.usable)
  tell(`${path.name} answers again, and its checker has taken it back`)
  await pause(hold, signal)
}

async function takeAllAway(stage: Stage, hold: number): Promise<void> {
  const { head, actors, tell, signal } = stage
  tell('every path goes bad at once: I/O waits, nobody sees an error')
  for (const { fault } of actors) fault.fail()
  await until(stage, 'I/O waits', () => head.state.service === 'queueing' && head.queued.bios > 0)
  await pause(hold, signal)
  const { bios } = head.queued
  await healAll(stage)
  tell(`all paths are back; ${bios} I/Os had waited`)
  await pause(hold, signal)
}

/** One error on a path that is well: its probe answers, so the path keeps its good name. */
async function failOneWrite(stage: Stage, hold: number): Promise<void> {
  const actor = stage.actors[0]
  if (actor === undefined) return
  stage.tell(
    `one write fails on ${actor.path.name}, and its probe answers: sent again elsewhere, no path is failed`,
  )
  actor.fault.failOneWrite()
  await pause(hold, stage.signal)
}

async function operate(stage: Stage, hold: number): Promise<void> {
  const actor = stage.actors[1]
  if (actor === undefined) return
  const operator = `operator:${process.getuid?.() ?? 'unknown'}`
  stage.tell(`an operator pulls ${actor.path.name}: nothing automatic brings it back`)
  actor.path.fail({ actor: operator, reason: 'demo: checking a cable' })
  await pause(hold, stage.signal)
  actor.path.reinstate({ actor: operator, reason: 'demo: the cable is fine' })
  await pause(hold, stage.signal)
}

async function changePolicy(stage: Stage, hold: number): Promise<void> {
  const { head, tell, signal } = stage
  tell('the I/O policy becomes queue-depth, and round-robin again')
  head.setIoPolicy('queue-depth')
  await pause(hold, signal)
  head.setIoPolicy('round-robin')
  await pause(hold, signal)
}

async function until({ signal }: Stage, what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!holds()) {
    if (signal.aborted) throw new Interrupted()
    if (performance.now() > deadline) throw stalled(what)
    await pause(POLL_MS, signal)
  }
}

function stalled(what: string): PathledgerError {
  return new PathledgerError('DEMO_STALLED', {
    message: `The demo waited ${PATIENCE_MS / 1000} s in vain for this: ${what}.`,
    why: 'Either the machine is very busy, or this is a bug of pathledger.',
    todo: 'Try again with a named --ledger, and report it together with that file.',
  })
}
