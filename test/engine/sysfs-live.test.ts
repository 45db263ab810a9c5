// The sysfs view of a running engine: the same tree as its ledger gives at that position, attributes with the kernel's
// words and errors, and clean answers about what has gone.
import { describe, expect, test } from 'vitest'
import type { SysfsEntry } from '../../adapters/sysfs/entries.ts'
import { liveSource } from '../../engine/views/sysfs/live-source.ts'
import { ledgerSysfs, type SysfsTree } from '../../engine/views/sysfs/view.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { BLOCK, bytesOf, Rig, testLun } from './rig.ts'

const [A, B, C] = ['8:0:0:0', '9:0:0:0', '9:0:1:0']
const DEVICE = '/sys/class/scsi_mpath_device/0'

function isLiveOnly({ liveOnly }: SysfsEntry): boolean {
  return liveOnly === true
}

function fromLedger(rig: Rig): SysfsTree {
  return ledgerSysfs(memoryReader(rig.rows()), rig.position)
}

/** Without the values that only a running engine has; that they are there is compared all the same. */
function recorded({ entries, ...tree }: SysfsTree) {
  return { ...tree, entries: entries.map((entry) => (isLiveOnly(entry) ? { ...entry, content: '' } : entry)) }
}

test('before the first event there is a tree without heads, of no time', () => {
  const { position, timeUs, entries } = ledgerSysfs(memoryReader([]), 0)
  expect([position, timeUs]).toEqual([0, 0])
  expect(entries.some(({ path }) => path.includes('sda'))).toBe(false)
})

test('what went away between the look and the word is ENOENT', () => {
  const nothing = { runtimes: () => [], findPath: () => null }
  const source = liveSource({ core: {}, registry: nothing, heads: () => [], path: () => undefined } as never)
  const word = { object: 'disk', action: 'change' } as const
  for (const act of [
    () => source.head(3),
    () => source.askUevent({ index: 3 }, word, {}),
    () => source.askUevent({ hctl: A }, word, {}),
  ]) {
    expect(act).toThrow(expect.objectContaining({ code: 'SYSFS_NO_ENTRY', errno: 'ENOENT' }))
  }
})

describe('a running engine and its ledger', () => {
  test('come to the same tree at every position of an eventful life', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin', firstDiskIndex: 2 })
    let compared = 0
    const compare = async () => {
      await rig.settle()
      const live = rig.mp.sysfs.tree()
      expect(recorded(live)).toEqual(recorded(fromLedger(rig)))
      expect(live.position).toBe(rig.position)
      compared += 1
    }
    await compare()
    const a = await rig.add(A)
    await compare()
    const other = testLun({ wwid: 'eui.0011223344556677', sizeBytes: 64 * BLOCK })
    const steps: (() => unknown)[] = [
      () => rig.add(B, { access: 'active' }),
      () => rig.add(C, { lun: other }),
      () => rig.write(0, bytesOf(1)),
      () => rig.head.setIoPolicy('queue-depth'),
      () => rig.head.setDelayedRemoval(30_000),
      () => a.path.block(),
      () => a.path.unblock(),
      () => a.path.setAccessState('standby', { preferred: true }),
      () => rig.drive(a.path.remove()),
      () => rig.drive(rig.mp.path(B).remove()),
      () => rig.add('10:0:0:0'),
      () => rig.drive(rig.mp.path(C).remove()),
      () => rig.pass(40_000),
    ]
    for (const step of steps) {
      await step()
      await compare()
    }
    expect(compared).toBe(steps.length + 2)
  })

  test('agree on the counters too, as soon as they have been sampled', async () => {
    const rig = await Rig.open({ sampleMs: 1_000 })
    const a = await rig.add(A)
    a.path.fail()
    await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    const counter = '/sys/block/sda/io_fail_no_available_path_count'
    expect(rig.mp.sysfs.get(counter)).toBe('2\n')
    await rig.pass(1_100)
    expect(fromLedger(rig).entries).toEqual(rig.mp.sysfs.tree().entries)
    a.path.reinstate()
    a.path.block()
    const parked = rig.head.write({ offset: 0, data: bytesOf(2) })
    await rig.settle()
    expect(rig.mp.sysfs.get('/sys/block/sda/io_requeue_no_usable_path_count')).toBe('1\n')
    a.path.unblock()
    await rig.drive(parked)
    // Set while something was counted that no sample has yet.
    rig.mp.sysfs.set('/sys/block/sda/io_requeue_no_usable_path_count', '0x10\n')
    rig.mp.sysfs.set(counter, '0')
    a.path.fail()
    await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(2_000)
    expect(rig.mp.sysfs.get('/sys/block/sda/io_requeue_no_usable_path_count')).toBe('16\n')
    expect(rig.mp.sysfs.get(counter)).toBe('1\n')
    expect(fromLedger(rig).entries).toEqual(rig.mp.sysfs.tree().entries)
  })

  test('differ in four values only, and the tree marks them', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const marked = rig.mp.sysfs.tree().entries.flatMap((entry) => (isLiveOnly(entry) ? [entry.path] : []))
    expect(marked.map((path) => path.slice(path.lastIndexOf('/') + 1)).sort()).toEqual([
      'io_fail_no_available_path_count',
      'io_requeue_no_usable_path_count',
      'mpath_numa_nodes',
      'mpath_queue_depth',
    ])
  })

  test('a run that was killed leaves no path behind: the next one shows what it has itself', async () => {
    const dead = await Rig.open({ checked: false })
    await dead.add(A)
    await dead.settle()
    const rig = await Rig.open({ rows: [...dead.rows()], lun: dead.lun })
    await rig.settle()
    expect(recorded(rig.mp.sysfs.tree())).toEqual(recorded(fromLedger(rig)))
  })
})

describe('an attribute', () => {
  test('of a counter takes any whole number that can be counted exactly', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const counter = '/sys/block/sda/io_requeue_no_usable_path_count'
    expect(rig.mp.sysfs.set(counter, '9007199254740991')).toBe(16)
    expect(rig.mp.sysfs.get(counter)).toBe('9007199254740991\n')
    for (const [value, errno] of [
      ['-1', 'EINVAL'],
      ['9007199254740992', 'ERANGE'],
      ['many', 'EINVAL'],
    ] as const) {
      expect(() => rig.mp.sysfs.set(counter, value)).toThrow(expect.objectContaining({ errno }))
    }
  })

  test('is set by its exact word, with or without one newline, and says how many bytes it took', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const { sysfs } = rig.mp
    expect(sysfs.set(`${DEVICE}/iopolicy`, 'round-robin\n', { actor: 'operator:7', reason: 'a try' })).toBe(
      12,
    )
    expect(sysfs.get(`${DEVICE}/iopolicy`)).toBe('round-robin\n')
    expect(sysfs.set(`${DEVICE}/iopolicy`, 'queue-depth')).toBe(11)
    expect(sysfs.set(`${DEVICE}/iopolicy`, '')).toBe(0)
    await rig.settle()
    expect(rig.rows('head.iopolicyChanged').map(({ actor, reason }) => [actor, reason])).toEqual([
      ['operator:7', 'a try'],
      ['operator', null],
    ])
  })

  test.each([
    'Round-robin',
    'round-robi',
    'round-robin ',
    'round-robin\n\n',
    '\n',
    'numa,',
    ' numa',
    'numa\0',
  ])('of the policy does not take %j: EINVAL, and the old one holds', async (word) => {
    const rig = await Rig.open()
    await rig.add(A)
    expect(() => rig.mp.sysfs.set(`${DEVICE}/iopolicy`, word)).toThrow(
      expect.objectContaining({ code: 'IOPOLICY_INVALID', errno: 'EINVAL' }),
    )
    expect(rig.mp.sysfs.get(`${DEVICE}/iopolicy`)).toBe('numa\n')
  })

  test('of the delayed removal takes seconds in any base, and no more than a day', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const { sysfs } = rig.mp
    const file = '/sys/block/sda/delayed_removal_secs'
    expect(sysfs.get(file)).toBe('0\n')
    expect(sysfs.set(file, '0x1e\n')).toBe(5)
    expect(sysfs.get(file)).toBe('30\n')
    const errnoOf = (value: string) => {
      try {
        return sysfs.set(file, value)
      } catch (error) {
        return (error as { errno: string }).errno
      }
    }
    expect(['86400', '86401', '-1', 'soon', '4294967296'].map(errnoOf)).toEqual([
      5,
      'EINVAL',
      'EINVAL',
      'EINVAL',
      'ERANGE',
    ])
    expect(sysfs.get(file)).toBe('86400\n')
  })

  test('that only tells cannot be set (EACCES), by whoever it is; a directory and what is not there neither', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const { sysfs } = rig.mp
    const before = rig.position
    const readOnly = sysfs.tree().entries.filter(({ mode }) => mode === '-r--r--r--')
    expect(readOnly.length).toBeGreaterThan(8)
    for (const { path } of readOnly) {
      expect(() => sysfs.set(path, '1', { actor: 'operator:0' }), path).toThrow(
        expect.objectContaining({ code: 'SYSFS_READ_ONLY', errno: 'EACCES' }),
      )
    }
    expect(() => sysfs.set(DEVICE, '1')).toThrow(expect.objectContaining({ errno: 'EISDIR' }))
    expect(() => sysfs.set(`${DEVICE}/nothing`, '1')).toThrow(expect.objectContaining({ errno: 'ENOENT' }))
    await rig.settle()
    expect(rig.position).toBe(before)
  })

  test('that says it is writable is: every one takes what it reads as, but for the words of uevent', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const { sysfs } = rig.mp
    const writable = sysfs.tree().entries.filter(({ mode }) => mode === '-rw-r--r--')
    for (const { path, content = '' } of writable) {
      const value = path.endsWith('/uevent') ? 'change\n' : content
      expect(sysfs.set(path, value), path).toBe(value.length)
    }
    expect(writable.length).toBeGreaterThan(6)
  })

  test('of a device takes the two words that the kernel takes, and the device goes there', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const { sysfs } = rig.mp
    const state = '/sys/block/sda:0/device/state'
    expect(sysfs.set(state, 'offline')).toBe(7)
    expect([sysfs.get(state), a.path.state.device]).toEqual(['offline\n', 'offline'])
    sysfs.set(state, 'running\n')
    expect(a.path.state.device).toBe('running')
    for (const step of ['block', 'quiesce'] as const) {
      a.path[step]()
      sysfs.set(state, 'running')
      expect(a.path.state.device, step).toBe('running')
    }
    expect(() => sysfs.set(state, 'blocked')).toThrow(expect.objectContaining({ errno: 'EINVAL' }))
  })

  test('uevent puts what was asked on the ledger, with who asked', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const word = { actor: 'operator:7' }
    rig.mp.sysfs.set('/sys/block/sda/uevent', 'change\n', word)
    rig.mp.sysfs.set('/sys/block/sda:0/device/uevent', 'add', word)
    expect(() => rig.mp.sysfs.set('/sys/block/sda/uevent', 'explode', word)).toThrow(
      expect.objectContaining({ errno: 'EINVAL' }),
    )
    await rig.settle()
    expect(rig.events('head.ueventAsked')).toEqual([
      { object: '/sys/devices/virtual/scsi_mpath_disk/0/sda', action: 'change' },
      { object: '/sys/devices/platform/host8/session1/target8:0:0/8:0:0:0', action: 'add' },
    ])
    expect(rig.rows('head.ueventAsked').map(({ actor }) => actor)).toEqual(['operator:7', 'operator:7'])
  })
})

test('D-46: what a path had answers cleanly after it left its head, also while its last I/O still hangs', async () => {
  const rig = await Rig.open({ closeGraceMs: 1_000, attemptTimeoutMs: 0 })
  await rig.add(A)
  const b = await rig.add(B)
  const { sysfs } = rig.mp
  const files = ['mpath_dev', 'mpath_numa_nodes', 'mpath_queue_depth'].map(
    (file) => `/sys/block/sda:1/${file}`,
  )
  for (const file of files) expect(sysfs.get(file)).toMatch(/^[\d:,-]*\n$/)
  rig.head.setIoPolicy('round-robin')
  b.hang.enable()
  const hung = [1, 2].map((mark) => rig.head.write({ offset: mark * BLOCK, data: bytesOf(mark) }))
  await rig.settle()
  const path = b.path
  const removal = path.remove()
  for (const file of files) {
    expect(() => sysfs.get(file)).toThrow(
      expect.objectContaining({ code: 'SYSFS_NO_ENTRY', errno: 'ENOENT' }),
    )
  }
  // Who kept the path itself is told figures, and touches nothing that is gone.
  expect([path.numaNodes, path.queueDepth >= 0, path.name]).toEqual([[], true, 'sda:1'])
  expect(() => sysfs.set('/sys/block/sda:1/device/state', 'offline')).toThrow(
    expect.objectContaining({ errno: 'ENOENT' }),
  )
  await rig.drive(removal)
  b.hang.disable()
  await Promise.allSettled(hung.map((write) => rig.drive(write)))
  expect(() => sysfs.get(files[0]!)).toThrow(expect.objectContaining({ errno: 'ENOENT' }))
})

test.each(['numa', 'round-robin', 'queue-depth'] as const)(
  'D-53: under %s every read-only file has a line, where it does not apply too',
  async (iopolicy) => {
    const rig = await Rig.open({ iopolicy, numaNodes: 4 })
    await rig.add(A, { numaNode: 0, latencyUs: 1_000 })
    await rig.add(B, { numaNode: 2, latencyUs: 1_000 })
    const writes = [0, 1, 2].map((node) =>
      rig.head.write({ offset: node * BLOCK, data: bytesOf(node), node }),
    )
    await rig.settle()
    const { entries } = rig.mp.sysfs.tree()
    for (const { path, mode, content = '' } of entries)
      if (mode === '-r--r--r--') expect(content, path).toMatch(/^[^\n]*\n$/)
    const of = (file: string) =>
      ['sda:0', 'sda:1'].map((name) => rig.mp.sysfs.get(`/sys/block/${name}/${file}`))
    expect(of('mpath_numa_nodes')).toEqual(iopolicy === 'numa' ? ['0-1,3\n', '2\n'] : ['\n', '\n'])
    const depths = of('mpath_queue_depth')
    if (iopolicy !== 'queue-depth') expect(depths).toEqual(['0\n', '0\n'])
    else expect(depths.map(Number).reduce((sum, depth) => sum + depth)).toBe(3)
    await Promise.all(writes.map((write) => rig.drive(write)))
    expect(of('mpath_queue_depth')).toEqual(['0\n', '0\n'])
  },
)
