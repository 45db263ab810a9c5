// What is proof that an old write can land no more, and what is not: mistakes that a review found alive behind green tests. Each
// test holds one of them (scripts/mutation/named.ts).
import { expect, test } from 'vitest'
import { completed, failed } from '../../adapters/completions.ts'
import type { IoCompletion, IoRequest, PathDevice } from '../../adapters/ports.ts'
import { FaultyStore } from './faulty-store.ts'
import { SharedLuns } from './lun-storage.ts'
import { BLOCK, bytesOf, Rig, type RigOptions, type RigPath } from './rig.ts'

const OLD = bytesOf(1)
const NEW = bytesOf(2)
const QUICK = { attemptTimeoutMs: 50, probeTimeoutMs: 20, ghostQuiesceMs: 0, closeGraceMs: 20 }

interface HeldIo {
  readonly request: IoRequest
  /** Does it now, and answers when told to. */
  perform(): Promise<void>
  answer(completion?: IoCompletion): void
}

/** A path whose I/O a test answers itself, as far as `takes` says so; the rest goes its way. */
class Puppet {
  readonly held: HeldIo[] = []
  takes: (request: IoRequest) => boolean = () => false
  readonly #guarantees: Partial<PathDevice['guarantees']>

  constructor(guarantees: Partial<PathDevice['guarantees']> = {}) {
    this.#guarantees = guarantees
  }

  readonly wrap = (device: PathDevice): PathDevice => ({
    ...device,
    guarantees: { ...device.guarantees, ...this.#guarantees },
    submit: (request, done) => {
      if (!this.takes(request)) return device.submit(request, done)
      this.held.push({
        request,
        perform: () => new Promise((resolve) => device.submit(request, () => resolve())),
        answer: (completion = completed(request.length)) => done(completion),
      })
    },
  })

  /** The next I/O of this kind at this place is held, once. */
  takeOnce(op: string, offset: number): void {
    this.takes = (request) => {
      const taken = request.op === op && request.offset === offset
      if (taken) this.takes = () => false
      return taken
    }
  }
}

async function open(options: RigOptions = {}): Promise<Rig> {
  return Rig.open({ ...QUICK, ...options })
}

function settled(promise: Promise<unknown>): () => boolean {
  let over = false
  promise.then(
    () => (over = true),
    () => (over = true),
  )
  return () => over
}

test('review: a later answer is no proof over what the kernel still has', async () => {
  const puppet = new Puppet({ oneConnection: true })
  const rig = await open()
  await rig.add('8:0:0:0', { errorsAreFinal: false, wrap: puppet.wrap })
  await rig.add('9:0:0:0', { errorsAreFinal: false })
  puppet.takeOnce('write', 0)
  // It times out, and is sent again elsewhere; the path answers its checker, and so takes what comes next.
  await rig.write(0, OLD)
  await rig.write(8 * BLOCK, NEW)
  expect(rig.mp.ghosts).toMatchObject([{ offset: 0, returned: false }])
  expect(rig.events('lun.ghostsEnded')).toEqual([])
  puppet.held[0]!.answer()
  await rig.pass(10)
  expect(rig.events('lun.ghostsEnded')).toMatchObject([{ proof: 'completion' }])
})

test('review: nor over what it gave back only after that I/O was sent', async () => {
  const puppet = new Puppet({ oneConnection: true })
  const rig = await open()
  await rig.add('8:0:0:0', { errorsAreFinal: false, wrap: puppet.wrap })
  await rig.add('9:0:0:0', { errorsAreFinal: false })
  puppet.takeOnce('write', 0)
  await rig.write(0, OLD)
  puppet.takeOnce('write', 8 * BLOCK)
  const other = rig.head.write({ offset: 8 * BLOCK, data: NEW })
  await rig.pass(5)
  const [ghost, later] = puppet.held
  ghost!.answer(failed('EIO'))
  await rig.pass(5)
  later!.answer()
  await rig.drive(other)
  expect(rig.mp.ghosts).toMatchObject([{ offset: 0, returned: true }])
  // One that was sent afterwards is.
  await rig.write(16 * BLOCK, NEW)
  await rig.pass(5)
  expect(rig.events('lun.ghostsEnded')).toMatchObject([{ proof: 'laterIo' }])
})

test.each([
  ['at once', false],
  ['that comes late', true],
])('review: an error %s of an I/O that was abandoned is no proof', async (_when, late) => {
  const puppet = new Puppet()
  const rig = await open()
  await rig.add('8:0:0:0', { errorsAreFinal: true, wrap: puppet.wrap })
  await rig.add('9:0:0:0')
  puppet.takeOnce('write', 0)
  const written = rig.head.write({ offset: 0, data: OLD })
  await rig.pass(late ? 60 : 5)
  puppet.held[0]!.answer({ ...failed('ECANCELED'), abandoned: true })
  await rig.drive(written)
  await rig.pass(50)
  expect(rig.mp.ghosts).toMatchObject([{ offset: 0 }])
  expect(rig.events('lun.ghostsEnded')).toEqual([])
})

test('review: and without that word an error of such a path is proof', async () => {
  const puppet = new Puppet()
  const rig = await open()
  await rig.add('8:0:0:0', { errorsAreFinal: true, wrap: puppet.wrap })
  await rig.add('9:0:0:0')
  puppet.takeOnce('write', 0)
  const written = rig.head.write({ offset: 0, data: OLD })
  await rig.pass(60)
  puppet.held[0]!.answer(failed('EIO'))
  await rig.drive(written)
  await rig.pass(50)
  expect(rig.events('lun.ghostsEnded')).toMatchObject([{ proof: 'completion' }])
})

test('review: a fence ends what its own attach left, and not what an earlier life of that path did', async () => {
  const first = new Puppet()
  const second = new Puppet()
  const fenced: string[] = []
  const fence = (target: { hctl: string }) => {
    fenced.push(target.hctl)
    return Promise.resolve('server killed')
  }
  const rig = await open({ fence, checker: { minMs: 5, maxMs: 10 } })
  await rig.add('9:0:0:0', { errorsAreFinal: false })
  await rig.add('8:0:0:0', { errorsAreFinal: false, wrap: first.wrap })
  rig.head.setIoPolicy('round-robin')
  first.takes = ({ op }) => op === 'write'
  await hangOne(rig, first, 0)
  await rig.drive(rig.mp.path('8:0:0:0').remove())
  await rig.pass(100)
  expect(rig.mp.ghosts).toHaveLength(1)
  await rig.add('8:0:0:0', { errorsAreFinal: false, wrap: second.wrap })
  // Now everything on it hangs, its checks as well: it fails, and is fenced.
  second.takes = () => true
  await hangOne(rig, second, 8 * BLOCK)
  await rig.pass(500)
  expect(fenced).toContain('8:0:0:0')
  expect(rig.events('lun.ghostsEnded').map(({ proof }) => proof)).toEqual(['fence'])
  expect(rig.mp.ghosts).toMatchObject([{ offset: 0 }])
})

/** Writes until one write hangs on the puppet's path; what goes elsewhere is acknowledged. */
async function hangOne(rig: Rig, puppet: Puppet, offset: number): Promise<void> {
  for (let time = 0; time < 4 && puppet.held.length === 0; time += 1) await rig.write(offset, OLD)
  expect(puppet.held.length).toBeGreaterThan(0)
}

test("review: a read that is sent again has memory of its own: the hung one's answer falls into nobody's", async () => {
  const [a, b] = [new Puppet(), new Puppet()]
  const rig = await open()
  await rig.add('8:0:0:0', { wrap: a.wrap })
  await rig.add('9:0:0:0', { wrap: b.wrap })
  rig.lun.medium.set(NEW, 0)
  for (const puppet of [a, b]) puppet.takes = ({ op, length }) => op === 'read' && length === BLOCK
  const read = rig.head.read({ offset: 0, length: BLOCK })
  await rig.pass(60)
  const [hung] = [...a.held, ...b.held]
  const again = [...a.held, ...b.held].find(({ request }) => request !== hung!.request)!
  const done = again.perform()
  await rig.pass(1)
  await done
  hung!.request.data!.fill(0xee)
  hung!.answer()
  again.answer()
  expect([...(await rig.drive(read))]).toEqual([...NEW])
})

test('review: a write whose elder left a ghost under it while it was in flight is held, and sent again after it', async () => {
  const [a, b] = [new Puppet(), new Puppet()]
  const rig = await open()
  await rig.add('8:0:0:0', { errorsAreFinal: false, wrap: a.wrap })
  await rig.add('9:0:0:0', { errorsAreFinal: false, wrap: b.wrap })
  rig.head.setIoPolicy('round-robin')
  for (const puppet of [a, b]) puppet.takes = ({ op }) => op === 'write'
  const older = rig.head.write({ offset: 0, data: OLD })
  await rig.pass(40)
  const younger = rig.head.write({ offset: 0, data: NEW })
  const isOver = settled(younger)
  await rig.pass(1)
  const [elder, junior] = a.held.length > 0 ? [a.held[0], b.held[0]] : [b.held[0], a.held[0]]
  for (const puppet of [a, b]) puppet.takes = () => false
  // The elder is given up, and goes again.
  await rig.pass(15)
  expect(rig.mp.ghosts).toHaveLength(1)
  await Promise.all([junior!.perform(), rig.pass(1)])
  junior!.answer()
  await rig.pass(20)
  expect(isOver()).toBe(false)
  await Promise.all([elder!.perform(), rig.pass(1)])
  elder!.answer()
  await rig.drive(Promise.all([older, younger]))
  expect([...rig.lun.medium.subarray(0, BLOCK)]).toEqual([...NEW])
})

test('review: a path stays attached in the storage of the LUN until what it left is durable', async () => {
  const luns = new SharedLuns()
  const stores: FaultyStore[] = []
  const store: RigOptions['store'] = (inner) => {
    stores.push(new FaultyStore(inner))
    return stores[0]!
  }
  const rig = await open({ luns, store })
  const a: RigPath = await rig.add('8:0:0:0', { errorsAreFinal: false })
  await rig.add('9:0:0:0', { errorsAreFinal: false })
  a.hang.enable()
  const written = rig.head.write({ offset: 0, data: OLD })
  await rig.pass(5)
  const attached = () => luns.attachments.map(({ path }) => path)
  stores[0]!.holds = 'lun.ghostsOpened'
  const removed = rig.mp.path('8:0:0:0').remove()
  await rig.pass(40)
  expect(attached()).toContain('8:0:0:0')
  stores[0]!.heal()
  await rig.drive(Promise.all([removed, written]))
  await rig.pass(10)
  expect(attached()).toEqual(['9:0:0:0'])
  a.hang.drop('EIO')
})
