// Section D of the specification, "Head and path set-up": D-1 to D-13, as far as they can occur in user space.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PathDevice } from '../../adapters/ports.ts'
import type { MultipathOptions } from '../../engine/assemble.ts'
import { Multipath } from '../../engine/multipath.ts'
import { plainDevice } from '../../engine/api/plain-device.ts'
import type { PathledgerError } from '../../errors.ts'
import { fieldsOf } from '../engine/device-fields.ts'
import { FaultyStore } from '../engine/faulty-store.ts'
import { BLOCK, bytesOf, Rig, testLun, WWID } from '../engine/rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const OTHER = 'naa.600140500000000000000000000000b2'

describe('the lock of a ledger', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pathledger-lock-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  test('D-1: is released once: a refused second engine does not take it from the first', async () => {
    const ledger = join(directory, 'mp.ledger')
    const first = await Multipath.open({ ledger })
    for (let turn = 0; turn < 2; turn += 1) {
      await expect(Multipath.open({ ledger })).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    }
    await first.close()
    const second = await Multipath.open({ ledger })
    await expect(Multipath.open({ ledger })).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    // Closing the first again must not unlock what the second holds.
    await first.close()
    await expect(Multipath.open({ ledger })).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    await second.close()
  })

  test('D-1: an open that fails early holds nothing: the file is as it was and can be used', async () => {
    const ledger = join(directory, 'notes.txt')
    writeFileSync(ledger, 'shopping list')
    await expect(Multipath.open({ ledger })).rejects.toMatchObject({ code: 'NOT_A_LEDGER' })
    const wrong = { ledger: join(directory, 'new.ledger'), multipath: 'once' } as unknown as MultipathOptions
    await expect(Multipath.open(wrong)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(existsSync(join(directory, 'new.ledger'))).toBe(false)
    const mp = await Multipath.open({ ledger: join(directory, 'new.ledger') })
    await mp.close()
  })
})

/** Devices that are refused, each for a reason of its own. */
function bad(rig: Rig, hctl: string): PathDevice[] {
  const { device } = rig.makePath(hctl)
  const like = (more: Partial<PathDevice>): PathDevice => ({ ...fieldsOf(device), ...more })
  return [
    like({ lun: { wwid: '', implicitAlua: true } }),
    like({ hctl: '8:0' }),
    like({ geometry: { ...device.geometry, readOnly: true } }),
    like({ geometry: { ...device.geometry, sizeBytes: 0 } }),
    like({ numaNode: -1 }),
  ]
}

describe('a head', () => {
  test('D-2: that could not be made is never found, and nothing of it is left', async () => {
    const rig = await Rig.open()
    for (const device of bad(rig, A)) {
      await rig.errorOf(rig.mp.addPath(device))
      expect(rig.mp.heads).toEqual([])
      expect(() => rig.mp.head(WWID)).toThrow(expect.objectContaining({ code: 'HEAD_NOT_FOUND' }) as Error)
    }
    await rig.settle()
    expect(rig.rows('head.created')).toEqual([])
    expect(rig.rows('lun.found')).toEqual([])
    await rig.add(A)
    expect([rig.head.name, rig.mp.path(A).name]).toEqual(['sda', 'sda:0'])
  })

  test('D-3: gives its name and index back once: no two heads or paths ever share one', async () => {
    const rig = await Rig.open()
    const lun = (n: number) => testLun({ wwid: `naa.60014050000000000000000000000${100 + n}` })
    for (let n = 0; n < 3; n += 1) await rig.add(`${n}:0:0:0`, { lun: lun(n) })
    const first = rig.mp.path('0:0:0:0')
    const removals = [first.remove(), first.remove(), first.remove()]
    await rig.drive(Promise.allSettled(removals))
    for (let n = 3; n < 6; n += 1) {
      for (const device of bad(rig, `${n}:0:0:0`)) await rig.errorOf(rig.mp.addPath(device))
      await rig.add(`${n}:0:0:0`, { lun: lun(n) })
    }
    const names = rig.mp.heads.map(({ name }) => name)
    expect(names.sort()).toEqual(['sda', 'sdb', 'sdc', 'sdd', 'sde'])
  })

  test('D-4: that cannot be made leaves the device usable, with a warning; the LUN is not lost', async () => {
    const warnings: unknown[] = []
    const ignore = () => undefined
    const logger = {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (facts: unknown) => void warnings.push(facts),
    }
    const rig = await Rig.open({ multipath: 'on', logger })
    const lun = testLun()
    const device = rig.makePath(A, { lun: { ...lun, implicitAlua: false } }).device
    const error = await rig.errorOf(rig.mp.addPath(device))
    expect(error.code).toBe('PATH_NO_ALUA')
    expect(warnings).toEqual([expect.objectContaining({ hctl: A, code: 'PATH_NO_ALUA' })])
    // Its owner goes on with it as with any ordinary device.
    const data = bytesOf(5)
    const done = new Promise<number>((resolve) => {
      const request = { op: 'write', offset: 0, length: BLOCK, data, fua: false } as const
      device.submit(request, ({ bytes }) => resolve(bytes))
    })
    expect(await rig.drive(done)).toBe(BLOCK)
    expect(lun.medium.subarray(0, BLOCK)).toEqual(data)
  })

  test('D-4: as a plain device it does I/O unharmed, after every kind of refusal', async () => {
    const rig = await Rig.open({ multipath: 'on' })
    for (const refused of bad(rig, A).filter(
      ({ geometry }) => !geometry.readOnly && geometry.sizeBytes > 0,
    )) {
      const lun = testLun()
      const made = rig.makePath(A, { lun })
      const taken = rig.mp.addPath({ ...refused, submit: (io, done) => made.device.submit(io, done) })
      await rig.errorOf(taken)
      const plain = plainDevice(made.device, (bytes) => new ArrayBuffer(bytes))
      expect([plain.name, plain.sizeBytes, plain.logicalBlockBytes]).toEqual(['memory', 1024 * 1024, BLOCK])
      await rig.drive(plain.write({ offset: BLOCK, data: bytesOf(4, 3 * BLOCK) }))
      await rig.drive(plain.flush())
      expect(await rig.drive(plain.read({ offset: BLOCK, length: 3 * BLOCK }))).toEqual(bytesOf(4, 3 * BLOCK))
      expect(lun.medium.subarray(BLOCK, 4 * BLOCK)).toEqual(bytesOf(4, 3 * BLOCK))
      for (const [offset, code] of [
        [1, 'IO_UNALIGNED'],
        [-BLOCK, 'IO_UNALIGNED'],
        [1024 * 1024, 'IO_OUT_OF_RANGE'],
      ] as const) {
        expect((await rig.errorOf(plain.read({ offset, length: BLOCK }))).code).toBe(code)
      }
      // One way, no retry: an error is its caller's.
      made.fail({ errno: 'EIO', count: 1 })
      expect(await rig.errorOf(plain.read({ offset: 0, length: BLOCK }))).toMatchObject({
        code: 'IO_ERROR',
        errno: 'EIO',
      })
      // Of a write nobody knows how far it came.
      made.fail({ errno: 'EIO', count: 1 })
      expect(await rig.errorOf(plain.write({ offset: 0, data: bytesOf(4) }))).toMatchObject({
        code: 'IO_ERROR',
        outcome: 'unknown',
      })
      await rig.drive(plain.close())
      expect((await rig.errorOf(plain.flush())).code).toBe('CLOSED')
    }
    expect(rig.mp.heads).toEqual([])
  })

  test('D-6: is shared by paths that are added at once', async () => {
    const rig = await Rig.open()
    const hctls = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0']
    const devices = hctls.map((hctl) => rig.makePath(hctl).device)
    await rig.drive(Promise.all(devices.map((device) => rig.mp.addPath(device))))
    expect(rig.mp.heads).toHaveLength(1)
    expect(rig.head.paths.map(({ hctl }) => hctl)).toEqual(hctls)
    expect(new Set(rig.head.paths.map(({ name }) => name)).size).toBe(4)
    expect(rig.rows('head.created')).toHaveLength(1)
    expect(rig.rows('head.published')).toHaveLength(1)
  })

  test('D-7: whose last path is being removed is not found any more; the LUN gets a new one', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const dying = rig.head
    a.hang.enable()
    const inFlight = rig.head.read({ offset: 0, length: BLOCK })
    await rig.settle()
    const removing = a.path.remove()
    expect(() => rig.mp.head(WWID)).toThrow(expect.objectContaining({ code: 'HEAD_NOT_FOUND' }) as Error)
    const b = await rig.add(B)
    expect(rig.head).not.toBe(dying)
    expect(rig.head.paths.map(({ hctl }) => hctl)).toEqual([B])
    await rig.write(0, bytesOf(1))
    expect((await rig.errorOf(dying.read({ offset: 0, length: BLOCK }))).code).toBe('HEAD_REMOVED')
    a.hang.disable()
    await rig.drive(removing)
    await rig.drive(inFlight)
    // The end of the old one does nothing to the new one.
    expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
    expect(b.ios).toHaveLength(1)
  })
})

describe('a path', () => {
  test('D-5: is whole when its caller gets it, or is not there at all', async () => {
    const rig = await Rig.open()
    const made = rig.makePath(A)
    const path = await rig.addMade(made)
    expect([path.name, path.hctl, path.device, path.usable]).toEqual(['sda:0', A, 'memory', true])
    expect(rig.head.paths).toEqual([path])
    expect(rig.mp.path('sda:0')).toBe(path)
    expect(rig.events('path.added')).toEqual([expect.objectContaining({ wwid: WWID, hctl: A, index: 0 })])
    expect(await rig.read(0)).toEqual(new Uint8Array(BLOCK))
    for (const device of bad(rig, B)) {
      await rig.errorOf(rig.mp.addPath(device))
      expect(rig.head.paths).toEqual([path])
      expect(() => rig.mp.path(B)).toThrow(expect.objectContaining({ code: 'PATH_NOT_FOUND' }) as Error)
    }
  })

  test('D-8: is found whole or not at all, by whoever looks while it comes and goes', async () => {
    const rig = await Rig.open()
    await rig.add(B)
    const looks: string[] = []
    const look = () => {
      try {
        const path = rig.mp.path(A)
        path.block()
        path.unblock()
        looks.push(`${path.name} of ${String(rig.head.paths.includes(path))}`)
      } catch (error) {
        looks.push((error as PathledgerError).code)
      }
    }
    look()
    const adding = rig.mp.addPath(rig.makePath(A).device)
    look()
    // What looking itself causes is not looked at again.
    rig.mp.subscribe(({ event }) => {
      if (!event.type.endsWith('locked') && event.type !== 'head.pathsChanged') look()
    })
    const path = await rig.drive(adding)
    look()
    const removing = path.remove()
    look()
    await rig.drive(removing)
    look()
    expect(new Set(looks)).toEqual(new Set(['PATH_NOT_FOUND', 'sda:1 of true']))
    expect(looks.at(0)).toBe('PATH_NOT_FOUND')
    expect(looks.at(-1)).toBe('PATH_NOT_FOUND')
    expect(rig.mp.broken).toBeNull()
  })
})

describe('ids', () => {
  test('D-9: are compared in full: two of 256 characters that differ in the last are two LUNs', async () => {
    const rig = await Rig.open()
    const long = 'naa.'.padEnd(255, '6')
    const luns = ['a', 'b'].map((last) => testLun({ wwid: `${long}${last}` }))
    await rig.add('8:0:0:0', { lun: luns[0]! })
    await rig.add('8:0:0:1', { lun: luns[1]! })
    expect(rig.mp.heads.map(({ wwid }) => wwid)).toEqual(luns.map(({ wwid }) => wwid))
    await rig.drive(rig.mp.head(luns[0]!.wwid).write({ offset: 0, data: bytesOf(1) }))
    expect(luns[1]!.medium.every((byte) => byte === 0)).toBe(true)
    const tooLong = rig.makePath('8:0:0:2', { lun: testLun({ wwid: `${long}ab` }) })
    expect((await rig.errorOf(rig.mp.addPath(tooLong.device))).code).toBe('PATH_NO_ID')
  })

  test('D-10: an empty id is no id', async () => {
    for (const multipath of ['on', 'always'] as const) {
      const rig = await Rig.open({ multipath })
      const lun = { ...testLun(), wwid: '' }
      const error = await rig.errorOf(rig.mp.addPath(rig.makePath(A, { lun }).device))
      expect(error).toMatchObject({ code: 'PATH_NO_ID' })
      expect(error.why).toContain('empty id')
      expect(rig.mp.heads).toEqual([])
    }
  })
})

describe('parameters', () => {
  test('D-12: words match exactly; "once", "office" and "alwaysx" are EINVAL', async () => {
    for (const multipath of ['once', 'office', 'alwaysx', 'onn', 'On', '', 'off\n\n', ' on']) {
      const options = { ledger: 'never.ledger', multipath } as unknown as MultipathOptions
      await expect(Multipath.open(options)).rejects.toMatchObject({
        code: 'SETTINGS_INVALID',
        errno: 'EINVAL',
      })
    }
    // One newline at the end is how a write to sysfs ends.
    for (const [multipath, taken] of [
      ['off', false],
      ['on', true],
      ['always', true],
      ['off\n' as 'off', false],
      ['on\n' as 'on', true],
    ] as const) {
      const rig = await Rig.open({ multipath })
      const outcome = rig.drive(rig.mp.addPath(rig.makePath(A).device))
      if (taken) expect((await outcome).name).toBe('sda:0')
      else await expect(outcome).rejects.toMatchObject({ code: 'MULTIPATH_OFF' })
    }
  })

  test('D-13: the message names the condition that was tested: implicit TPGS for on, none for always', async () => {
    const lun = { ...testLun(), implicitAlua: false }
    const on = await Rig.open({ multipath: 'on' })
    const error = await on.errorOf(on.mp.addPath(on.makePath(A, { lun }).device))
    expect(error.why).toContain('implicit bit of TPGS')
    expect(error.todo).toContain("'always'")
    const always = await Rig.open({ multipath: 'always' })
    expect((await always.drive(always.mp.addPath(always.makePath(A, { lun }).device))).usable).toBe(true)
    const off = await Rig.open({ multipath: 'off' })
    const refused = await off.errorOf(off.mp.addPath(off.makePath(A, { lun }).device))
    expect(refused.why).toBe("multipath is 'off'.")
  })
})

test('D-8: a path that is added while the ledger hangs is not given to its caller before it is recorded', async () => {
  const stores: FaultyStore[] = []
  const rig = await Rig.open({
    store: (inner) => {
      stores.push(new FaultyStore(inner))
      return stores[0]!
    },
  })
  stores[0]!.mode = 'hangs'
  let given = false
  const adding = rig.mp.addPath(rig.makePath(A, { lun: testLun({ wwid: OTHER }) }).device)
  const watched = adding.then(() => void (given = true))
  await rig.pass(5_000)
  expect(given).toBe(false)
  stores[0]!.heal()
  await rig.drive(watched)
  expect(rig.rows('path.added')).toHaveLength(1)
})
