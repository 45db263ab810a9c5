// What the design says of ghosts, buffers, flush and isolation, sentence by sentence, and the test that holds each. A test that is
// renamed or dropped is missed here.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const TESTS = globSync('test/**/*.test.ts', { cwd: ROOT })
  .filter((file) => !file.endsWith('requirements/design.test.ts'))
  .map((file) => readFileSync(join(ROOT, file), 'utf8'))

type Row = readonly [sentence: string, ...titles: string[]]

const GHOSTS: readonly Row[] = [
  ['success is proof', 'is acknowledged through another path when its ghost is durable'],
  [
    'an error is proof only where the path says that its errors are final',
    'and without that word an error of such a path is proof',
  ],
  [
    '... and never of an I/O that was abandoned',
    'review: an error %s of an I/O that was abandoned is no proof',
  ],
  ['on any other path an error leaves a ghost', 'scenario 19b: an error completion is not its end'],
  ['so does a time-out', 'scenario 19: holds a newer write until it has landed; the newer data survives'],
  ['so does an abort by the caller', 'scenario 19g: an aborted write is a ghost as well'],
  ['so does the removal of its path', 'scenario 19e: outlives the path and the head'],
  [
    'so does the death of the engine: the whole LUN is one until proof',
    'after an end without a word is unclean',
  ],
  ['the fence of its path is proof', 'the fence of its path, which the checker then leaves alone'],
  ['... for its own attach, and no other', 'review: a fence ends what its own attach left'],
  ['a later I/O that one connection answers is proof', 'a later I/O that one connection answers'],
  [
    '... not over what the kernel still has',
    'review: a later answer is no proof over what the kernel still has',
  ],
  [
    '... nor over what came back after that I/O was sent',
    'review: nor over what it gave back only after that I/O was sent',
  ],
  [
    'a claim is half a proof where errors are not final',
    'where an error proves nothing the claim is half a proof',
  ],
  [
    '... and speaks of its own device alone',
    'attach 16: the claim of another device under the same H:C:I:L proves nothing',
  ],
  [
    'time releases, says that it is no proof, and only what the kernel gave back',
    'time, which says that it is not proof',
  ],
  [
    'newer writes that overlap wait, whatever overlaps by a block',
    'scenario 19f: holds what overlaps it by one block at either edge',
  ],
  [
    '... and fail with GHOST_HOLD in the end',
    'scenario 19: where no proof comes, the newer write fails and was never acknowledged',
  ],
  [
    'reads, flushes and writes elsewhere need not wait',
    'reads, flushes and writes elsewhere go on beside a ghost',
  ],
  [
    'a ghost that ends holds writes until that is durable',
    'the end of a ghost that the storage does not take holds writes until it has it',
  ],
  [
    'its attach stays in the storage until it is durable',
    'review: a path stays attached in the storage of the LUN until what it left is durable',
  ],
  [
    'every engine of the LUN sees it',
    'scenario 19: a write held for a ghost of another engine goes on when that has ended',
  ],
  [
    'what the ledger knows to be open outlives the storage',
    'F-02: ghosts of the ledger outlive the loss of the LUN',
  ],
  ['a fenced path needs a new attach', 'that was fenced stays fenced, until it is attached anew'],
]

const BUFFERS: readonly Row[] = [
  [
    'data is copied: what the caller does to theirs changes nothing',
    'scenario 19d: lands with the bytes that were acknowledged',
  ],
  [
    'a lent buffer is out of its caller’s reach',
    'scenario 19d: a lent buffer is out of its caller’s reach while a hung path has it',
  ],
  [
    'the caller’s own memory settles when every attempt has ended',
    'scenario 19d: the promise stays pending until the hung path gave back its attempt',
  ],
  ['a read that is sent again has fresh memory', 'review: a read that is sent again has memory of its own'],
  ['bytes in flight of a path are bounded', 'a path in trouble holds no more memory than inFlightBytesMax'],
  [
    '... and leave enough for other LUNs',
    'LUNs whose paths hang with their memory leave enough for another one',
  ],
  [
    'what a hung path holds counts until it gives it back',
    'what a hung path holds counts until it gives it back',
  ],
]

const FLUSHES: readonly Row[] = [
  [
    'a flush error is not driven round until somebody says ok',
    'a flush that fails through every path is never reported well',
  ],
  [
    'it is sent again only if the path itself fails',
    'a flush that a healthy path refuses while it is read for another reason',
  ],
  [
    'a flush covers what was acknowledged through every path',
    'and is blocked is waited for: a flush is well when it comes back',
  ],
  [
    '... or fails, once, and says what is not known to be durable',
    'and stays blocked fails a flush after flushWaitMs, once',
  ],
  [
    'it joins one under way only if that covers it',
    'a second flush does not wait for the first, where a write was acknowledged after that was sent',
  ],
  ['a path is flushed before it goes', 'and is removed is flushed before it goes'],
  ['FUA reaches the kernel', 'FUA goes to the kernel with a write that asks for it, and with nothing else'],
]

const ISOLATION: readonly Row[] = [
  [
    'a hung path slows no other path and no verb',
    'scenario 20: B serves and verbs answer while 64 reads hang on A',
  ],
  [
    'it does not keep the engine from closing',
    'a hung path does not keep it: after closeGraceMs it is given up',
  ],
  [
    'EAGAIN means that the queue is full, and stays on its path',
    'with its queue filled by another program, "queue full" stays inside',
  ],
  ['in flight stay 8 below the tags', 'in flight stay 8 below the queue, at least one and at most 4096'],
  [
    'more I/O than tags stops no flush elsewhere',
    'scenario 37: 300 writes hang on a path with 128 tags; a flush on B completes',
  ],
  [
    'a helper that hangs is given up',
    'a helper that hangs is given up on; the next request gets another one, up to a bound',
  ],
  ['a backend that cannot isolate says so', 'it says that it cannot isolate a hung I/O'],
  [
    'a hung ring keeps no other waiting',
    'with many in flight watches every ring: one that hangs does not keep another waiting',
  ],
  [
    'a LUN storage that hangs fails what needs it, in time',
    'attach 24: a LUN storage that hangs fails what needs it in time',
  ],
]

describe.each([
  ['ghosts', GHOSTS],
  ['buffers', BUFFERS],
  ['flush', FLUSHES],
  ['isolation', ISOLATION],
] as const)('the design says of %s', (_what, rows) => {
  test.each(rows.map(([sentence, ...titles]) => [sentence, titles] as const))('%s', (_sentence, titles) => {
    for (const title of titles) {
      const found = TESTS.some((text) => text.includes(title))
      expect(found, `a test that says: ${title}`).toBe(true)
    }
  })
})
