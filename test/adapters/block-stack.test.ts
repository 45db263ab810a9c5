import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { blockStack, restsOn } from '../../adapters/block-stack.ts'
import { errorsAreFinalOn } from '../../adapters/final-errors.ts'
import { fakeMachine } from './fake-machine.ts'
import type { FakeMachine } from './fake-machine.ts'

let machine: FakeMachine

beforeEach(() => {
  machine = fakeMachine()
  machine.block('8:0', 'pci0/ata1/host0/block/sda')
  machine.block('8:1', 'pci0/ata1/host0/block/sda/sda1', { partition: '1' })
  machine.mount('8:1', '/', 'ext4', '/dev/sda1')
  machine.file('/', '8:1', 2)
  machine.file('/srv', '8:1', 10)
  machine.file('/srv/lun.img', '8:1', 11)
})

afterEach(() => {
  machine.remove()
})

const namesUnder = (file: string): string[] => blockStack(file, machine.view).map(({ name }) => name)

/** A loop device over `image`, with a filesystem mounted on `mountPoint` that holds `mountPoint`/a.ledger. */
function mountLoop(number: number, image: string, mountPoint: string, fsType = 'ext4'): void {
  machine.block(`7:${number}`, `virtual/block/loop${number}`, { 'loop/backing_file': image })
  machine.mount(`7:${number}`, mountPoint, fsType, `/dev/loop${number}`)
  machine.file(mountPoint, `7:${number}`, 2)
  machine.file(`${mountPoint}/a.ledger`, `7:${number}`, 12)
}

describe('block stack', () => {
  test('a file lies on a partition, and that on its disk', () => {
    expect(blockStack('/srv/lun.img', machine.view)).toMatchObject([
      { kind: 'file', name: '/srv/lun.img', id: '8:1:11', home: 'ext4', isBottom: false },
      { kind: 'block', name: '/dev/sda1', id: '8:1', isBottom: false },
      {
        kind: 'block',
        name: '/dev/sda',
        id: '8:0',
        isBottom: true,
        trail: ['/srv/lun.img', '/dev/sda1', '/dev/sda'],
      },
    ])
  })

  test('a file that is not there yet lies on what its nearest directory lies on', () => {
    expect(namesUnder('/srv/new/deep/a.ledger')).toEqual(['/dev/sda1', '/dev/sda'])
  })

  test('a loop device leads to the file behind it, and so on down', () => {
    mountLoop(3, '/srv/lun.img', '/mnt')
    machine.file('/mnt/inner.img', '7:3', 13)
    mountLoop(4, '/mnt/inner.img', '/mnt/inner')
    expect(namesUnder('/mnt/inner/a.ledger')).toEqual([
      '/mnt/inner/a.ledger',
      '/dev/loop4',
      '/mnt/inner.img',
      '/dev/loop3',
      '/srv/lun.img',
      '/dev/sda1',
      '/dev/sda',
    ])
  })

  test('a device over several leads to all of them, each once', () => {
    machine.block('8:16', 'pci0/ata2/host1/block/sdb')
    machine.block('9:0', 'virtual/block/md0')
    machine.slave('pci0/ata1/host0/block/sda', 'virtual/block/md0')
    machine.slave('pci0/ata2/host1/block/sdb', 'virtual/block/md0')
    machine.block('253:0', 'virtual/block/dm-0')
    machine.slave('virtual/block/md0', 'virtual/block/dm-0')
    machine.slave('pci0/ata1/host0/block/sda', 'virtual/block/dm-0')
    machine.file('/data/x', '253:0', 5)
    expect(namesUnder('/data/x')).toHaveLength(5)
    expect(new Set(namesUnder('/data/x'))).toEqual(
      new Set(['/data/x', '/dev/dm-0', '/dev/md0', '/dev/sda', '/dev/sdb']),
    )
  })

  test('a loop over a file that cannot be reached ends there', () => {
    mountLoop(3, '/gone.img (deleted)', '/mnt')
    expect(blockStack('/mnt/a.ledger', machine.view).at(-1)).toMatchObject({
      name: '/dev/loop3',
      isBottom: true,
    })
  })

  test('loops over one another do not lead round for ever', () => {
    machine.block('7:5', 'virtual/block/loop5', { 'loop/backing_file': '/dev/loop6' })
    machine.block('7:6', 'virtual/block/loop6', { 'loop/backing_file': '/dev/loop5' })
    machine.file('/dev/loop5', '0:6', 5, '7:5')
    machine.file('/dev/loop6', '0:6', 6, '7:6')
    expect(namesUnder('/dev/loop5')).toEqual(['/dev/loop5', '/dev/loop6'])
  })

  test('a btrfs has a number of its own and leads to all its members', () => {
    machine.block('8:32', 'pci0/ata3/host2/block/sdc')
    machine.write('fs/btrfs/features/dev', '0:0')
    machine.write('fs/btrfs/1234/devices/sda/dev', '8:0\n')
    machine.write('fs/btrfs/1234/devices/sdc/dev', '8:32\n')
    machine.mount('0:40', '/pool', 'btrfs', '/dev/sdc')
    machine.file('/dev/sdc', '0:6', 32, '8:32')
    machine.file('/pool/x', '0:41', 257)
    expect(namesUnder('/pool/x')).toEqual(['/pool/x', '/dev/sda', '/dev/sdc'])
  })

  test('an overlay leads to where it writes', () => {
    machine.mount('0:50', '/merged', 'overlay', 'overlay', 'rw,lowerdir=/l,upperdir=/srv,workdir=/w')
    machine.file('/merged/x', '0:50', 9)
    expect(namesUnder('/merged/x')).toEqual(['/merged/x', '/dev/sda1', '/dev/sda'])
  })

  test('a server or memory is the end of what can be seen', () => {
    machine.mount('0:60', '/net', 'nfs4', 'host:/export')
    machine.file('/net/x', '0:60', 9)
    expect(blockStack('/net/x', machine.view)).toMatchObject([
      { name: '/net/x', home: 'nfs4', isBottom: true },
    ])
  })

  test('nothing is known of what cannot be reached at all', () => {
    expect(blockStack('relative', machine.view)).toEqual([])
  })
})

describe('what a file rests on', () => {
  test('a ledger on a filesystem on the path’s own device is found', () => {
    mountLoop(3, '/srv/lun.img', '/mnt')
    expect(restsOn('/mnt/a.ledger', { number: '7:3', inode: '8:1:11' }, machine.view)).toBe(
      '/mnt/a.ledger lies on it: /mnt/a.ledger -> /dev/loop3',
    )
    expect(restsOn('/mnt/not/there/yet', { number: '7:3', inode: null }, machine.view)).toBe(
      '/mnt/not/there/yet lies on it: /mnt/not/there/yet -> /dev/loop3',
    )
  })

  test('a ledger on another loop device over the same file is found', () => {
    mountLoop(3, '/srv/lun.img', '/mnt')
    expect(restsOn('/mnt/a.ledger', { number: '7:9', inode: '8:1:11' }, machine.view)).toBe(
      '/mnt/a.ledger lies on it: /mnt/a.ledger -> /dev/loop3 -> /srv/lun.img',
    )
  })

  test('the file behind the path itself is found', () => {
    expect(restsOn('/srv/lun.img', { number: '7:9', inode: '8:1:11' }, machine.view)).toBe(
      '/srv/lun.img is the very file behind the path',
    )
  })

  test('a neighbour of the file behind the path is not on it', () => {
    machine.file('/srv/a.ledger', '8:1', 15)
    expect(restsOn('/srv/a.ledger', { number: '7:3', inode: '8:1:11' }, machine.view)).toBeNull()
    expect(restsOn('/srv/new', { number: '7:3', inode: '8:1:10' }, machine.view)).toBeNull()
  })

  test('a number of a device is never taken for an inode', () => {
    expect(restsOn('/srv/lun.img', { number: null, inode: '8:1' }, machine.view)).toBeNull()
  })
})

describe('whether errors are final', () => {
  const isFinal = (file: string): boolean => errorsAreFinalOn(file, machine.view)

  test('they are on a local block filesystem on a disk, and on a loop device over it', () => {
    mountLoop(3, '/srv/lun.img', '/mnt')
    machine.file('/dev/loop3', '0:6', 3, '7:3')
    expect([isFinal('/srv/lun.img'), isFinal('/dev/loop3'), isFinal('/mnt/a.ledger')]).toEqual([
      true,
      true,
      true,
    ])
  })

  test('they are in memory', () => {
    machine.mount('0:27', '/dev/shm', 'tmpfs', 'tmpfs')
    machine.file('/dev/shm/x', '0:27', 2)
    mountLoop(3, '/dev/shm/x', '/mnt')
    machine.file('/dev/loop3', '0:6', 3, '7:3')
    expect([isFinal('/dev/shm/x'), isFinal('/dev/loop3')]).toEqual([true, true])
  })

  test.each(['fuse.nbdfuse', 'fuseblk', 'nfs4', 'cifs', '9p', 'overlay', 'virtiofs'])(
    'they are not on %s',
    (type) => {
      machine.mount('0:60', '/net', type, 'server')
      machine.file('/net/x', '0:60', 9)
      expect(isFinal('/net/x')).toBe(false)
    },
  )

  test('they are not on a local filesystem with a server anywhere below it', () => {
    machine.mount('0:60', '/net', 'fuse.nbdfuse', 'nbdfuse')
    machine.file('/net/nbd', '0:60', 9)
    mountLoop(3, '/net/nbd', '/mnt')
    machine.file('/mnt/inner.img', '7:3', 13)
    mountLoop(4, '/mnt/inner.img', '/inner')
    machine.file('/dev/loop4', '0:6', 4, '7:4')
    expect([isFinal('/mnt/inner.img'), isFinal('/dev/loop4')]).toEqual([false, false])
  })

  test.each([
    ['a network block device', 'virtual/block/nbd0'],
    ['an iSCSI disk', 'platform/host3/session1/target3:0:0/block/sdx'],
    ['a Fibre Channel disk', 'pci0/host4/rport-4:0-1/target4:0:0/block/sdy'],
    ['an NVMe namespace over a fabric', 'virtual/nvme-fabrics/ctl/nvme1/nvme1n1'],
  ])('they are not on %s', (_what, place) => {
    machine.block('43:0', place)
    machine.mount('43:0', '/far', 'ext4', '/dev/far')
    machine.file('/far/x', '43:0', 9)
    expect(isFinal('/far/x')).toBe(false)
  })

  test('they are not where the stack cannot be seen', () => {
    mountLoop(3, '/gone.img (deleted)', '/mnt')
    expect([isFinal('/mnt/a.ledger'), isFinal('relative')]).toEqual([false, false])
  })
})
