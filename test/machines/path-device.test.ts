// The device region against the kernel's own table, which is written down here once more, by what it says: where each
// state may be entered from (scsi_device_set_state).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MACHINES } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import { added, WHY } from './payloads.ts'

const MAY_BE_ENTERED_FROM: Readonly<Record<string, string>> = {
  created: 'createdBlocked',
  running: 'created offline transportOffline quiesced blocked',
  quiesced: 'running offline transportOffline',
  offline: 'created running quiesced blocked',
  transportOffline: 'created running quiesced blocked',
  blocked: 'running createdBlocked quiesced offline',
  createdBlocked: 'created',
  cancelled: 'created running quiesced offline transportOffline',
  deleted: 'created running offline transportOffline cancelled blocked createdBlocked',
}

/** What each event asks scsi_device_set_state for. Where the first is refused, the kernel tries the second. */
const ASKS_FOR: Readonly<Record<string, readonly string[]>> = {
  added: ['running', 'blocked'],
  blocked: ['blocked', 'createdBlocked'],
  unblocked: ['running', 'created'],
  quiesced: ['quiesced'],
  resumed: ['running'],
  wentOffline: ['offline'],
  transportWentOffline: ['transportOffline'],
  cameOnline: ['running'],
  cancelled: ['cancelled'],
  removed: ['deleted'],
}

/** An event that undoes a state is taken in that state alone. */
const UNDOES: Readonly<Record<string, readonly string[]>> = {
  unblocked: ['blocked', 'createdBlocked'],
  resumed: ['quiesced'],
  cameOnline: ['offline', 'transportOffline'],
}

interface Device {
  readonly state: string
  readonly present: boolean
}

const may = (from: string, to: string) => (MAY_BE_ENTERED_FROM[to] ?? '').split(' ').includes(from)

/** Where a device goes that becomes a path. What is cancelled or deleted is over: the one that is added is another one. */
function addedTo(state: string): Device {
  const from = state === 'deleted' || state === 'cancelled' ? 'created' : state
  return { state: may(from, 'running') ? 'running' : 'blocked', present: true }
}

/** Where an event leads, by the table; null where it is refused. */
function byTheTable({ state, present }: Device, event: string): Device | null {
  // A device that is deleted is over: what is found in its place is another one.
  if (event === 'found') return state === 'deleted' ? { state: 'created', present: false } : null
  if (event === 'added') return present ? null : addedTo(state)
  // Removal cancels first where it can.
  if (event === 'removed' && (may(state, 'deleted') || may(state, 'cancelled'))) {
    return { state: 'deleted', present: false }
  }
  if (UNDOES[event]?.includes(state) === false) return null
  const to = ASKS_FOR[event]?.find((asked) => may(state, asked))
  if (to === undefined) return null
  // Nothing runs, is quiesced or blocked that was not added.
  const waitsToBeAdded = !present && ['running', 'quiesced', 'blocked'].includes(to)
  return waitsToBeAdded ? null : { state: to, present }
}

const EVENTS = ['found', ...Object.keys(ASKS_FOR)]
const data = (event: string) => (event === 'added' ? added() : WHY)
const deviceOf = ({ value, context }: StreamState): Device => ({
  state: (value as Record<string, string>)['device'] ?? '',
  present: context['present'] === true,
})

function step(state: StreamState, event: string) {
  return MACHINES.path.decide(state, { type: `path.${event}`, atUs: 1_000_000, data: data(event) })
}

/** Every device there can be, with a state of the machine that shows it. */
function everyDevice(): Map<string, StreamState> {
  const seen = new Map<string, StreamState>()
  const visit = (state: StreamState) => {
    const { state: device, present } = deviceOf(state)
    const key = `${device} ${present ? 'added' : 'not added'}`
    if (seen.has(key)) return
    seen.set(key, state)
    for (const event of EVENTS) visit(step(state, event).state)
  }
  visit(MACHINES.path.initial())
  return seen
}

describe('every device, every event', () => {
  const devices = everyDevice()

  test('are 12 devices: the nine states, and three of them before the device is a path as well', () => {
    expect([...devices.keys()].sort()).toEqual([
      'blocked added',
      'cancelled added',
      'cancelled not added',
      'created not added',
      'createdBlocked not added',
      'deleted not added',
      'offline added',
      'offline not added',
      'quiesced added',
      'running added',
      'transportOffline added',
      'transportOffline not added',
    ])
  })

  test.each([...devices])('%s goes where the table says, and nowhere else', (_name, state) => {
    for (const event of EVENTS) {
      const decided = step(state, event)
      const expected = byTheTable(deviceOf(state), event)
      expect(decided.decision.refused === true, event).toBe(expected === null)
      expect(deviceOf(decided.state), event).toEqual(expected ?? deviceOf(state))
    }
  })

  test('takes every step of the table, and four more that are two of its steps or another device', () => {
    const steps = new Set<string>()
    for (const state of devices.values()) {
      for (const event of EVENTS) {
        const { decision, state: after } = step(state, event)
        if (decision.refused !== true) steps.add(`${deviceOf(state).state} -> ${deviceOf(after).state}`)
      }
    }
    const table = Object.entries(MAY_BE_ENTERED_FROM).flatMap(([to, from]) =>
      from.split(' ').map((one) => `${one} -> ${to}`),
    )
    const more = ['quiesced -> deleted', 'deleted -> created', 'deleted -> running', 'cancelled -> running']
    expect([...steps].sort()).toEqual([...table, ...more].sort())
  })

  test('clears the caches on block and when the path is gone, nowhere else', () => {
    const clearing = new Set<string>()
    for (const state of devices.values()) {
      for (const event of EVENTS) {
        const { effects } = step(state, event)
        if (effects.some(({ type }) => type === 'clearCurrentPath')) clearing.add(event)
      }
    }
    expect([...clearing].sort()).toEqual(['blocked', 'removed'])
  })
})

test('any sequence of events leaves a device where the table leaves it', () => {
  const story = fc.array(fc.constantFrom(...EVENTS), { maxLength: 40, size: 'max' })
  fc.assert(
    fc.property(story, (events) => {
      let state = MACHINES.path.initial()
      let device: Device = { state: 'created', present: false }
      for (const event of events) {
        const decided = step(state, event)
        const expected = byTheTable(device, event)
        expect(decided.decision.refused === true, `${event} in ${device.state}`).toBe(expected === null)
        state = decided.state
        device = expected ?? device
        expect(deviceOf(state)).toEqual(device)
      }
    }),
    { numRuns: 300 },
  )
})
