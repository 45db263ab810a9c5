// EBUSY without a holder: the kernel still has I/O of a dead engine. The claim itself is the evidence, and its success the
// proof (design.md, proof 4).
import { expect, test } from 'vitest'
import { filePath } from '../../adapters/paths/file-path.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { PathledgerError, withDetails } from '../../errors.ts'
import { SharedLuns } from './lun-storage.ts'
import { BLOCK, bytesOf, Rig, WWID } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

const failing = async (error: unknown): Promise<PathDevice> => {
  throw error
}

/** What loopPath rejects with when it finds nobody alive. */
function ghostClaim(): Promise<PathDevice> {
  const error = new PathledgerError('PATH_GHOST_CLAIM', {
    ...{ message: 'The path cannot be opened.', why: 'Nobody alive has it.', todo: 'Wait.', errno: 'EBUSY' },
  })
  return failing(withDetails(error, { device: '/dev/loop0', wwid: WWID, hctl: A }))
}

/** A device whose open is an exclusive claim, as a loop path's is. */
const claiming =
  (errorsAreFinal: boolean) =>
  (device: PathDevice): PathDevice => ({
    ...wrapPath(device, (request, done) => device.submit(request, done)),
    guarantees: { ...device.guarantees, claimsExclusively: true, errorsAreFinal },
  })

async function afterACrash(): Promise<{ rig: Rig; luns: SharedLuns }> {
  const luns = new SharedLuns()
  const first = await Rig.open({ luns, checked: false })
  await first.add(A, { wrap: claiming(true) })
  await first.add(B, { wrap: claiming(true) })
  const rig = await Rig.open({
    luns,
    rows: first.rows(),
    lun: first.lun,
    ghostQuiesceMs: 5_000,
    ghostHoldMaxMs: 60_000,
  })
  return { rig, luns }
}

test('it is on the ledger with its code, and the whole LUN is held for it as long as the claim fails', async () => {
  const { rig } = await afterACrash()
  expect(await rig.errorOf(rig.mp.addPath(ghostClaim()))).toMatchObject({
    code: 'PATH_GHOST_CLAIM',
    errno: 'EBUSY',
  })
  expect(rig.events('engine.pathRefused')).toEqual([
    { wwid: WWID, hctl: A, device: '/dev/loop0', code: 'PATH_GHOST_CLAIM', why: 'Nobody alive has it.' },
  ])
  await rig.add(B, { wrap: claiming(true) })
  const ghosts = () =>
    rig.mp.ghosts.map(({ path, reason, length, returned }) => ({ path, reason, length, returned }))
  // B was claimed, and its errors are final: that is proof. A still holds everything back, however long it takes.
  const a = { path: A, reason: 'unclean', length: rig.lun.medium.length, returned: false }
  expect(ghosts()).toEqual([a])
  await rig.pass(20_000)
  expect(ghosts()).toEqual([a])
  const held = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.settle()
  expect(rig.head.held.bios).toBe(1)
  // The kernel has given it back: the claim succeeds.
  const back = await rig.add(A, { wrap: claiming(true) })
  await rig.drive(held)
  expect(ghosts()).toEqual([])
  expect(rig.events('lun.ghostsEnded').map(({ proof }) => proof)).toEqual(['claim', 'claim'])
  expect(back.path.state.health).toBe('online')
  expect(await rig.read(0, BLOCK)).toEqual(bytesOf(1))
})

test('where an error proves nothing the claim is half a proof: from then on time counts', async () => {
  const { rig } = await afterACrash()
  await rig.errorOf(rig.mp.addPath(ghostClaim()))
  await rig.add(B, { wrap: claiming(true) })
  await rig.pass(20_000)
  await rig.add(A, { wrap: claiming(false) })
  expect(rig.mp.ghosts).toMatchObject([{ path: A, returned: true }])
  await rig.pass(5_000)
  expect(rig.mp.ghosts).toEqual([])
  expect(rig.events('lun.ghostsEnded').at(-1)).toMatchObject({ proof: 'time' })
})

test('a ghost that time had released is back when the claim shows that the kernel has it still', async () => {
  const { rig } = await afterACrash()
  await rig.add(B, { wrap: claiming(true) })
  await rig.pass(10_000)
  expect(rig.mp.ghosts).toEqual([])
  await rig.errorOf(rig.mp.addPath(ghostClaim()))
  await rig.settle()
  expect(rig.mp.ghosts).toMatchObject([{ path: A, reason: 'unclean', returned: false }])
  rig.mp.releaseGhosts({ reason: 'a test' })
})

test('another refusal to open is on the ledger too, and holds nothing', async () => {
  const rig = await Rig.open()
  const error = new PathledgerError('PATH_BUSY', {
    ...{
      message: 'The path cannot be opened.',
      why: 'It is mounted on /srv.',
      todo: 'Unmount it.',
      errno: 'EBUSY',
    },
  })
  const opening = failing(withDetails(error, { device: '/dev/loop0', wwid: WWID, hctl: A }))
  expect(await rig.errorOf(rig.mp.addPath(opening))).toMatchObject({ code: 'PATH_BUSY' })
  expect(rig.events('engine.pathRefused')).toMatchObject([{ code: 'PATH_BUSY', hctl: A }])
  expect(rig.mp.ghosts).toEqual([])
  const ours = await rig.mp.addPath(Promise.reject(new Error('not ours'))).catch((cause: unknown) => cause)
  expect(ours).toMatchObject({ message: 'not ours' })
})

test('a file that is not there is a refusal with its address, too', async () => {
  const rig = await Rig.open()
  const opening = filePath('/nonexistent/lun.img', { lun: { wwid: WWID, implicitAlua: true }, hctl: A })
  const error = await rig.mp.addPath(opening).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ code: 'PATH_NOT_FOUND' })
  await rig.settle()
  expect(rig.events('engine.pathRefused')).toMatchObject([{ code: 'PATH_NOT_FOUND', wwid: WWID, hctl: A }])
})

test('a promise of a device that a closed engine does not wait for fails for itself alone', async () => {
  const rig = await Rig.open()
  await rig.end()
  const opening = failing(new Error('late'))
  expect(await rig.mp.addPath(opening).catch((cause: unknown) => cause)).toMatchObject({ code: 'CLOSED' })
  await expect(opening).rejects.toThrow('late')
})
