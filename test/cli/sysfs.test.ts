// `pathledger sysfs`: the transcript of the cover letter of "Native SCSI multipath support", word for word, over a real
// directory and on the screen; a running engine and its ledger; exit codes.
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filePath, Multipath, openLedgerReader, virtualLun } from '../../index.ts'
import type { SysfsEntry } from '../../index.ts'
import { documentIn, errorIn, makeFolder, removeFolder, run } from './harness.ts'

const WWID = 'naa.600140505200a986f0043c9afa1fd077'
const DEVICE = 'class/scsi_mpath_device/0'

// As it was posted; a mail's line ends in the middle of a link are put together again.
const TRANSCRIPT = `
$ ls -l /sys/class/scsi_mpath_device/0/
total 0
-rw-r--r--    1 root     root          4096 Feb 25 11:59 iopolicy
drwxr-xr-x    2 root     root             0 Feb 25 11:59 multipath
drwxr-xr-x    2 root     root             0 Feb 25 11:59 power
lrwxrwxrwx    1 root     root             0 Feb 25 11:59 subsystem -> ../../../../class/scsi_mpath_device
-rw-r--r--    1 root     root          4096 Feb 25 11:58 uevent
-r--r--r--    1 root     root          4096 Feb 25 11:59 wwid
$ ls -l /sys/class/scsi_mpath_device/0/multipath/
total 0
lrwxrwxrwx    1 root     root             0 Feb 25 11:59 8:0:0:0 -> ../../../../platform/host8/session1/target8:0:0/8:0:0:0
lrwxrwxrwx    1 root     root             0 Feb 25 11:59 9:0:0:0 -> ../../../../platform/host9/session2/target9:0:0/9:0:0:0
$ cat /sys/class/scsi_mpath_device/0/wwid
naa.600140505200a986f0043c9afa1fd077
$ cat /sys/class/scsi_mpath_device/0/iopolicy
numa
$ ls -l /sys/class/scsi_mpath_disk/0/
total 0
drwxr-xr-x    2 root     root             0 Feb 25 12:00 power
drwxr-xr-x   11 root     root             0 Feb 25 11:58 sdc
lrwxrwxrwx    1 root     root             0 Feb 25 11:58 subsystem -> ../../../../class/scsi_mpath_disk
-rw-r--r--    1 root     root          4096 Feb 25 11:58 uevent
$ ls -l /sys/class/scsi_mpath_disk/0/sdc/multipath/
total 0
lrwxrwxrwx    1 root     root             0 Feb 25 12:00 sdc:0 -> ../../../../../platform/host8/session1/target8:0:0/8:0:0:0/block/sdc:0
lrwxrwxrwx    1 root     root             0 Feb 25 12:00 sdc:1 -> ../../../../../platform/host9/session2/target9:0:0/9:0:0:0/block/sdc:1
`

/** The letter's commands, each with what it printed. */
const SAID = TRANSCRIPT.trim()
  .split(/^\$ /m)
  .slice(1)
  .map((part) => {
    const [command = '', ...printed] = part.trimEnd().split('\n')
    return { command, printed }
  })

let folder = ''
let socket = ''
let ledger = ''
let mp: Multipath

beforeEach(async () => {
  folder = makeFolder()
  socket = join(folder, 'mp.sock')
  ledger = join(folder, 'mp.ledger')
  const image = join(folder, 'lun.img')
  writeFileSync(image, Buffer.alloc(65_536))
  // The machine of the letter has disks sda and sdb of its own.
  mp = await Multipath.open({ ledger, multipath: 'always', controlSocket: socket, firstDiskIndex: 2 })
  const lun = virtualLun({ wwid: WWID })
  for (const hctl of ['8:0:0:0', '9:0:0:0']) await mp.addPath(await filePath(image, { lun, hctl }))
})
afterEach(async () => {
  await mp.close()
  removeFolder(folder)
})

/** The time is that of the run, and the columns are as wide as that `ls` makes them. */
function timeless(line: string): string {
  return line.replace(/[A-Z][a-z]{2} [ \d]\d (\d\d:\d\d| \d{4}) /, 'TIME ').replace(/ +/g, ' ')
}

/**
 * The disk of the letter has two partitions, and directories of kernel parts that are not here (integrity, trace): 11
 * links to it. Here it is 2 and one for each of holders, multipath, power, queue and slaves.
 */
function disk(line: string): string {
  return line.endsWith(' sdc') ? line.replace('drwxr-xr-x 11 ', 'drwxr-xr-x 7 ') : line
}

test('the cover letter: the same ls and cat over a real directory give the same answers', async () => {
  const sys = join(folder, 'sys')
  expect(await run('sysfs', sys, '--socket', socket)).toMatchObject({ code: 0, stdout: '' })
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }
  expect(SAID).toHaveLength(6)
  for (const { command, printed } of SAID) {
    const [program = '', ...words] = command.replace('/sys/', `${sys}/`).split(' ')
    const answer = execFileSync(program, words, { env, encoding: 'utf8' })
    // What a real directory cannot show: that a file of five bytes has 4096 and a directory or link none, and so a
    // total of 0. Whoever runs this test is root, as far as the listing goes.
    const owner = execFileSync('stat', ['-c', '%U %G', sys], { encoding: 'utf8' }).trim()
    const real = answer.replace(/^total \d+/, 'total 0').trimEnd()
    const lines = real.split('\n').map((line) => timeless(line).replace(` ${owner} `, ' root root '))
    expect(
      lines.map((line) => line.replace(SIZE, '$1 SIZE')),
      command,
    ).toEqual(printed.map((line) => disk(timeless(line)).replace(SIZE, '$1 SIZE')))
  }
  // `ls -l /dev/sdc` says 8, 32: there is no node, and the disk knows its numbers.
  expect(readFileSync(join(sys, 'block/sdc/dev'), 'utf8')).toBe('8:32\n')
  for (const name of ['sdc:0', 'sdc:1']) {
    expect(readFileSync(join(sys, 'block', name, 'mpath_dev'), 'utf8')).toBe('8:32\n')
  }
})

const SIZE = /^([-dlrwx]{10} \d+ root root) \d+/

test('the cover letter: printed, the answers are the same with every size and total', async () => {
  const { code, stdout } = await run('sysfs', '--socket', socket)
  expect(code).toBe(0)
  const parts = stdout.split(/^\$ /m).map((part) => part.trimEnd().split('\n'))
  for (const { command, printed } of SAID) {
    const part = parts.find(([first]) => first === command)
    expect(part?.slice(1).map(timeless), command).toEqual(printed.map(timeless).map(disk))
    // The columns too, but for the count of links.
    for (const line of part?.slice(1) ?? [])
      if (/^[-dl]r/.test(line)) expect(line).toMatch(/^.{10} {4}\d root {5}root {5}.{9} [A-Z][a-z]{2} /)
  }
})

/** What only a running engine knows is marked, and left out of the comparison; that it is there is not. */
function recorded({ stdout }: { stdout: string }): unknown {
  const { entries, ...tree } = JSON.parse(stdout) as { entries: SysfsEntry[] }
  return {
    ...tree,
    entries: entries.map((entry) => (entry.liveOnly === true ? { ...entry, content: '' } : entry)),
  }
}

test('sysfs --ledger --at agrees with the live engine at that position, as JSON and as a directory, byte for byte', async () => {
  const live: { position: number; json: unknown; directory: string }[] = []
  const keep = async () => {
    const directory = join(folder, `live${live.length}`)
    const answer = await run('sysfs', directory, '--socket', socket, '--json')
    live.push({ position: documentIn(answer).position, json: recorded(answer), directory })
  }
  await keep()
  mp.head(WWID).setIoPolicy('queue-depth')
  mp.path('sdc:1').setAccessState('standby', { preferred: true })
  await keep()
  await mp.path('8:0:0:0').remove()
  await keep()
  await mp.close()
  expect(new Set(live.map(({ position }) => position)).size).toBe(3)
  for (const { position, json, directory } of live) {
    const at = ['--ledger', ledger, '--at', String(position)]
    const other = `${directory}.ledger`
    const answer = await run('sysfs', other, ...at, '--json')
    expect(recorded(answer)).toEqual(json)
    const marked = (documentIn(answer).entries as SysfsEntry[]).flatMap(({ path, liveOnly }) =>
      liveOnly === true ? [`--exclude=${path.split('/').at(-1) ?? ''}`] : [],
    )
    expect(new Set(marked).size).toBe(4)
    // Names, links, contents, modes and times.
    execFileSync('diff', ['--recursive', '--no-dereference', ...marked, directory, other])
    const [one, two] = [directory, other].map((tree) =>
      execFileSync('find', ['.', '-printf', '%p %M %y %l %T@\n'], { cwd: tree, encoding: 'utf8' }),
    )
    expect(two?.split('\n').sort()).toEqual(one?.split('\n').sort())
  }
})

test('a position, a time, and the end of a ledger', async () => {
  await mp.close()
  expect((await run('sysfs', '--ledger', ledger)).stdout).toBe('No head is there.\n')
  const early = await run('sysfs', '--ledger', ledger, '--at', '1')
  expect(early).toMatchObject({ code: 0, stdout: 'No head is there.\n' })
  expect(await run('sysfs', '--ledger', ledger, '--at', '999')).toMatchObject({ code: 3 })
  const reader = openLedgerReader(ledger)
  const { position = 0 } = reader.read({ type: 'path.added' })[1] ?? {}
  reader.close()
  const wwid = ['sysfs', 'get', `${DEVICE}/wwid`, '--ledger', ledger]
  expect(await run(...wwid, '--at', String(position))).toMatchObject({ code: 0, stdout: `${WWID}\n` })
  expect(documentIn(await run(...wwid, '--at', String(position), '--json'))).toEqual({
    attribute: `${DEVICE}/wwid`,
    content: `${WWID}\n`,
  })
  const gone = await run(...wwid, '--json')
  expect([gone.code, errorIn(gone)]).toMatchObject([3, { code: 'SYSFS_NO_ENTRY', errno: 'ENOENT' }])
})

test('get and set on a running engine: contents, byte counts, errors, and who did it on the ledger', async () => {
  const at = ['--socket', socket]
  expect(await run('sysfs', 'get', `/sys/${DEVICE}/vpd_id`, ...at)).toMatchObject({
    code: 0,
    stdout: `${WWID}\n`,
  })
  const policy = ['sysfs', 'set', `${DEVICE}/iopolicy`]
  const set = await run(...policy, 'round-robin\n', ...at, '--reason', 'a try', '--json')
  expect([set.code, documentIn(set)]).toEqual([0, { attribute: `${DEVICE}/iopolicy`, bytes: 12 }])
  expect(mp.head(WWID).ioPolicy).toBe('round-robin')
  expect(await run(...policy, 'numa', ...at)).toMatchObject({ code: 0, stdout: '4 bytes written\n' })
  for (const [words, exit, errno] of [
    [[...policy, 'robin'], 2, 'EINVAL'],
    [['sysfs', 'set', 'block/sdc/delayed_removal_secs', '4294967296'], 2, 'ERANGE'],
    [['sysfs', 'set', `${DEVICE}/wwid`, 'naa.5'], 6, 'EACCES'],
    [['sysfs', 'set', `${DEVICE}/none`, '1'], 3, 'ENOENT'],
    [['sysfs', 'get', 'block/sdd/dev'], 3, 'ENOENT'],
    [['sysfs', 'get', DEVICE], 2, 'EISDIR'],
  ] as const) {
    const failed = await run(...words, ...at, '--json')
    expect([failed.code, errorIn(failed).errno, failed.stdout], words.join(' ')).toEqual([exit, errno, ''])
  }
  await mp.close()
  const reader = openLedgerReader(ledger)
  const who = `operator:${process.getuid?.() ?? 'unknown'}`
  expect(reader.read({ type: 'head.iopolicyChanged' })).toMatchObject([
    { actor: who, reason: 'a try' },
    { actor: who, reason: null },
  ])
  reader.close()
})

test('says what it needs, and writes no ledger', async () => {
  expect(await run('sysfs')).toMatchObject({ code: 2 })
  expect(await run('sysfs', '--socket', socket, '--ledger', ledger)).toMatchObject({ code: 2 })
  expect(await run('sysfs', '--socket', socket, '--at', '3')).toMatchObject({ code: 2 })
  expect(await run('sysfs', 'set', `${DEVICE}/iopolicy`, 'numa', '--ledger', ledger)).toMatchObject({
    code: 2,
  })
  expect(await run('sysfs', 'set', `${DEVICE}/iopolicy`, 'numa')).toMatchObject({ code: 2 })
  expect(await run('sysfs', '--ledger', join(folder, 'none'))).toMatchObject({ code: 3 })
  expect(await run('sysfs', folder, '--socket', socket)).toMatchObject({ code: 4 })
  expect(statSync(join(folder, 'lun.img')).size).toBe(65_536)
})
