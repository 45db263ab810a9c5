// A tree in a real directory: whole or not at all, nothing of others touched, no link followed.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SysfsEntry } from '../../adapters/sysfs/entries.ts'
import { exchange } from '../../adapters/sysfs/exchange.ts'
import { materialiseSysfs } from '../../adapters/sysfs/materialise.ts'

let folder = ''
let sys = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-sysfs-'))
  sys = join(folder, 'sys')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const TIME = 1_772_020_740_000_000

function tree(policy: string): SysfsEntry[] {
  return [
    { path: '/sys/class', mode: 'drwxr-xr-x' },
    { path: '/sys/class/iopolicy', mode: '-rw-r--r--', content: `${policy}\n` },
    { path: '/sys/class/link', mode: 'lrwxrwxrwx', target: '../devices' },
    { path: '/sys/devices', mode: 'drwxr-xr-x' },
    { path: '/sys/devices/wwid', mode: '-r--r--r--', content: 'naa.1\n' },
  ]
}

function put(entries: SysfsEntry[], directory = sys): void {
  materialiseSysfs({ entries, timeUs: TIME }, directory)
}

const refused = (code: string) => expect.objectContaining({ code })

describe('a tree', () => {
  test('has its modes whatever the umask, its contents, links and times', () => {
    const before = process.umask(0o077)
    try {
      put(tree('numa'))
    } finally {
      process.umask(before)
    }
    const modeOf = (path: string) => (lstatSync(join(sys, path)).mode & 0o777).toString(8)
    expect(['.', 'class', 'class/iopolicy', 'devices/wwid'].map(modeOf)).toEqual(['755', '755', '644', '444'])
    expect(readFileSync(join(sys, 'class/link/wwid'), 'utf8')).toBe('naa.1\n')
    expect(readlinkSync(join(sys, 'class/link'))).toBe('../devices')
    for (const path of ['.', 'class', 'class/iopolicy', 'class/link', 'devices'])
      expect(lstatSync(join(sys, path)).mtimeMs, path).toBe(TIME / 1000)
  })

  test('takes the place of an empty directory, and of an earlier tree, whole', () => {
    mkdirSync(sys)
    put(tree('numa'))
    put([{ path: '/sys/block', mode: 'drwxr-xr-x' }])
    expect(readdirSync(sys)).toEqual(['.pathledger-sysfs', 'block'])
    put(tree('round-robin'))
    expect(readFileSync(join(sys, 'class/iopolicy'), 'utf8')).toBe('round-robin\n')
    // Nothing is left beside it.
    expect(readdirSync(folder)).toEqual(['sys'])
  })

  test('is not put where the parent is missing, and says so', () => {
    expect(() => put(tree('numa'), join(folder, 'no', 'sys'))).toThrow(
      expect.objectContaining({ code: 'SYSFS_IO', errno: 'ENOENT' }),
    )
  })
})

describe('what is not ours is left alone', () => {
  test('a directory with a file of somebody', () => {
    mkdirSync(sys)
    writeFileSync(join(sys, 'thesis.txt'), 'three years')
    expect(() => put(tree('numa'))).toThrow(refused('SYSFS_FOREIGN'))
    expect(readFileSync(join(sys, 'thesis.txt'), 'utf8')).toBe('three years')
    expect(readdirSync(folder)).toEqual(['sys'])
  })

  test.each(['class/notes', '.hidden', 'devices/deep/er'])('an earlier tree with %s in it', (path) => {
    put(tree('numa'))
    mkdirSync(join(sys, 'devices/deep'))
    rmSync(join(sys, 'devices/deep'), { recursive: true })
    if (path.includes('deep')) mkdirSync(join(sys, 'devices/deep'))
    writeFileSync(join(sys, path), 'mine')
    expect(() => put(tree('numa'))).toThrow(refused('SYSFS_FOREIGN'))
    expect(readFileSync(join(sys, path), 'utf8')).toBe('mine')
  })

  test('a file, a link to a directory, a link that leads nowhere', () => {
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere)
    for (const make of [
      () => writeFileSync(sys, 'mine'),
      () => symlinkSync(elsewhere, sys),
      () => symlinkSync(join(folder, 'nowhere'), sys),
    ]) {
      make()
      expect(() => put(tree('numa'))).toThrow(refused('SYSFS_FOREIGN'))
      rmSync(sys)
    }
    expect(readdirSync(elsewhere)).toEqual([])
    expect(existsSync(join(folder, 'nowhere'))).toBe(false)
  })

  test('a directory whose marker is a link, or somebody else’s', () => {
    mkdirSync(sys)
    writeFileSync(
      join(folder, 'marker'),
      'made by pathledger sysfs; replaced as a whole by the next one\n/sys/mine\n',
    )
    symlinkSync(join(folder, 'marker'), join(sys, '.pathledger-sysfs'))
    writeFileSync(join(sys, 'mine'), 'mine')
    expect(() => put(tree('numa'))).toThrow(refused('SYSFS_FOREIGN'))
    rmSync(join(sys, '.pathledger-sysfs'))
    writeFileSync(join(sys, '.pathledger-sysfs'), 'a shopping list\n/sys/mine\n')
    expect(() => put(tree('numa'))).toThrow(refused('SYSFS_FOREIGN'))
    expect(readFileSync(join(sys, 'mine'), 'utf8')).toBe('mine')
  })

  test('what a link in an earlier tree leads to', () => {
    put(tree('numa'))
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, 'kept'), 'mine')
    // Somebody bent a link and a directory of the tree.
    rmSync(join(sys, 'class/link'))
    symlinkSync(elsewhere, join(sys, 'class/link'))
    rmSync(join(sys, 'devices'), { recursive: true })
    symlinkSync(elsewhere, join(sys, 'devices'))
    put(tree('numa'))
    expect(readFileSync(join(elsewhere, 'kept'), 'utf8')).toBe('mine')
    expect(readdirSync(elsewhere)).toEqual(['kept'])
    expect(lstatSync(join(sys, 'devices')).isDirectory()).toBe(true)
  })
})

describe('a tree that leads outside is refused before anything is made', () => {
  const dir = (path: string): SysfsEntry => ({ path, mode: 'drwxr-xr-x' })
  const link = (path: string, target: string): SysfsEntry => ({ path, mode: 'lrwxrwxrwx', target })

  test.each<[string, SysfsEntry]>([
    ['out of the root', dir('/etc/passwd')],
    ['up', dir('/sys/../up')],
    ['up in the middle', dir('/sys/class/../../up')],
    ['the root itself', dir('/sys')],
    ['an empty name', dir('/sys//class')],
    ['a dot', dir('/sys/.')],
    ['NUL', dir('/sys/a\0b')],
    ['a name too long', dir(`/sys/${'x'.repeat(256)}`)],
    ['half a character', dir('/sys/\ud800')],
    ['the marker', dir('/sys/.pathledger-sysfs')],
    ['a link up', link('/sys/link', '../up')],
    ['a link up and down', link('/sys/link', 'a/../../up')],
    ['a link from the root', link('/sys/link', '/etc/passwd')],
  ])('%s', (_what, entry) => {
    expect(() => put([...tree('numa'), entry])).toThrow(refused('SYSFS_TREE'))
    expect(readdirSync(folder)).toEqual([])
  })

  test('what is below a link, or in a directory that is not there', () => {
    const file = (path: string): SysfsEntry => ({ path, mode: '-r--r--r--', content: 'x' })
    for (const entries of [
      [dir('/sys/real'), link('/sys/door', 'real'), file('/sys/door/file')],
      [file('/sys/nowhere/file')],
      [file('/sys/late/file'), dir('/sys/late')],
    ]) {
      expect(() => put(entries)).toThrow(refused('SYSFS_TREE'))
    }
    expect(readdirSync(folder)).toEqual([])
  })

  test('whatever the tree, nothing is made outside of its directory', () => {
    const name = fc.constantFrom('..', '.', '', 'a', 'b', '/', 'a/b', '../x', '\0', 'sys')
    const path = fc.array(name, { maxLength: 5 }).map((names) => `/sys/${names.join('/')}`)
    const entry = fc.oneof(
      path.map(dir),
      fc
        .tuple(
          path,
          path.map((text) => text.slice(1)),
        )
        .map(([at, target]) => link(at, target)),
      path.map((at): SysfsEntry => ({ path: at, mode: '-rw-r--r--', content: 'x' })),
    )
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
        try {
          put(entries)
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^SYSFS_(TREE|IO)$/) })
        }
        expect(readdirSync(folder).filter((found) => found !== 'sys')).toEqual([])
        rmSync(sys, { recursive: true, force: true })
      }),
      { numRuns: 200 },
    )
  })
})

test('two directories change places, and what cannot be exchanged is as it was', () => {
  for (const name of ['one', 'two']) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, name), '')
  }
  exchange(join(folder, 'one'), join(folder, 'two'))
  expect([readdirSync(join(folder, 'one')), readdirSync(join(folder, 'two'))]).toEqual([['two'], ['one']])
  expect(() => exchange(join(folder, 'missing'), join(folder, 'two'))).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  )
  expect(readdirSync(folder).sort()).toEqual(['one', 'two'])
  chmodSync(folder, 0o755)
})
