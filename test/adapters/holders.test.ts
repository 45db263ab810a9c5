// Who has a claimed loop device, from a /proc and a /sys that the test writes.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { holderOf } from '../../adapters/loop/holders.ts'

interface FakeProcess {
  readonly pid: number
  readonly opens?: readonly string[]
  readonly state?: string
  /** Mask of pending signals, hexadecimal. */
  readonly pending?: string
  readonly command?: string
  readonly mounts?: string
}

function machine(...processes: readonly FakeProcess[]) {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-holders-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const roots = { proc: join(folder, 'proc'), sys: join(folder, 'sys') }
  mkdirSync(join(roots.sys, 'block/loop3/holders'), { recursive: true })
  mkdirSync(roots.proc)
  for (const {
    pid,
    opens = [],
    state = 'S (sleeping)',
    pending = '0',
    command = '',
    mounts = '',
  } of processes) {
    const home = join(roots.proc, String(pid))
    mkdirSync(join(home, 'fd'), { recursive: true })
    mkdirSync(join(home, 'ns'))
    symlinkSync(`mnt:[${pid}]`, join(home, 'ns/mnt'))
    opens.forEach((target, fd) => symlinkSync(target, join(home, 'fd', String(fd))))
    writeFileSync(
      join(home, 'status'),
      `Name:\tx\nState:\t${state}\nSigPnd:\t0000000000000000\nShdPnd:\t${pending}\n`,
    )
    writeFileSync(join(home, 'comm'), 'engine\n')
    writeFileSync(join(home, 'cmdline'), command)
    writeFileSync(join(home, 'mountinfo'), mounts)
  }
  return { roots, look: () => holderOf({ name: 'loop3', number: '7:3' }, roots) }
}

const DEVICE = '/dev/loop3'

test('a program that has it open is named', () => {
  const { look } = machine({ pid: 10, opens: ['/dev/null'] }, { pid: 42, opens: ['/dev/null', DEVICE] })
  expect(look()).toEqual({ kind: 'holder', why: 'Process 42 (engine) has it open.' })
})

test('a mount is found in whichever namespace it is', () => {
  const line = '36 35 7:3 / /srv/lun rw - ext4 /dev/loop3 rw\n'
  const { look } = machine({ pid: 10 }, { pid: 42, mounts: line })
  expect(look()).toEqual({ kind: 'holder', why: 'It is mounted on /srv/lun.' })
})

test('so are a device above it and swap', () => {
  const above = machine()
  mkdirSync(join(above.roots.sys, 'block/loop3/holders/dm-0'))
  expect(above.look()).toEqual({ kind: 'holder', why: 'It is held by dm-0.' })
  const swapping = machine()
  writeFileSync(join(swapping.roots.proc, 'swaps'), 'Filename Type\n/dev/loop3 partition 1 0 -2\n')
  expect(swapping.look()).toEqual({ kind: 'holder', why: 'The machine swaps to it.' })
})

/** Where a helper really stands: had it moved, it would be taken for somebody alive who has the device. */
const HELPER = join(import.meta.dirname, '../../adapters/helper/main.ts')

test('whoever was killed and waits for their I/O is nobody, and so is a helper that keeps it attached', () => {
  expect(existsSync(HELPER)).toBe(true)
  const { look } = machine(
    { pid: 10, opens: ['/dev/loop30'] },
    { pid: 11, opens: [DEVICE], state: 'Z (zombie)' },
    { pid: 12, opens: [DEVICE], state: 'D (disk sleep)', pending: '0000000000000100' },
    { pid: 13, opens: [DEVICE], command: 'node\0/opt/pathledger/adapters/child/main.js\0' },
    { pid: 14, opens: [DEVICE], command: `node\0${HELPER}\0` },
  )
  expect(look()).toEqual({ kind: 'nobody' })
})

test('another pending signal does not make a program nobody', () => {
  const { look } = machine({ pid: 12, opens: [DEVICE], pending: '0000000000004000' })
  expect(look().kind).toBe('holder')
})
