// A path that answers nothing while another one does: told while it goes on, and afterwards.
import { expect, test } from 'vitest'
import { BLOCK, bytesOf, Rig, WWID } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const PATH = { stream: `path/${WWID}/${A}` }
const HEAD = { stream: `head/${WWID}` }

/** The first path hangs from now on. */
async function silent(settings = {}) {
  const rig = await Rig.open({ iopolicy: 'round-robin', attemptTimeoutMs: 8_000, ...settings })
  const a = await rig.add(A)
  await rig.add(B)
  a.hang.enable()
  return { rig, a }
}

test('F-17, F-21: a silent path is a trouble of the path and of its head, and hangs rather than fails', async () => {
  const { rig, a } = await silent()
  const writes = Promise.all(
    [0, 1, 2, 3].map((at) => rig.head.write({ offset: at * BLOCK, data: bytesOf(at) })),
  )
  await rig.pass(2_500)
  const root = { kind: 'silent', path: A, errno: null, status: null, op: null } as const
  const of = expectExplained(rig.memory, PATH, root)
  expect(of.symptom).toBe('sda:0 is silent: it answers nothing while another path does, and is used last.')
  expect(of).toMatchObject({ now: true, layer: 'path' })
  expect(of.advice).toMatch(/^It hangs rather than fails: .*writes that it has may still land\.$/)
  expect(of.certainty).toContain('the logical unit (sda:1 was usable)')
  const head = expectExplained(rig.memory, HEAD, root)
  expect(head.symptom).toContain('something has to be done: sda:0 is silent')
  expect(head).toMatchObject({ now: true, layer: 'path' })

  a.hang.disable()
  await rig.drive(writes)
  const over = expectExplained(rig.memory, PATH, { kind: 'slow', path: A, errno: null })
  expect(over).toMatchObject({ now: false, layer: 'path' })
  expect(over.symptom).toContain('sda:0 is well now.')
  expect(over.advice).toMatch(/^It is over\./)
  expect(expectExplained(rig.memory, HEAD, { kind: 'slow', path: A }).now).toBe(false)
})

test('F-17: the read that it had is named, where it was traced', async () => {
  const { rig } = await silent({ ioTrace: 'full' })
  const reads = [4, 5].map((at) => rig.head.read({ offset: at * BLOCK, length: BLOCK }))
  await rig.drive(Promise.all(reads))
  const { root } = expectExplained(rig.memory, PATH, { kind: 'silent', op: 'read', length: BLOCK })
  expect([4 * BLOCK, 5 * BLOCK]).toContain(root.offset)
})
