// `pathledger head`: signs where a ledger ends, and compares a ledger with a head that was signed earlier and kept elsewhere.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { messageOf, PathledgerError } from '../../errors.ts'
import { checkHead, makeKeys, parseSignedHead, signHead } from '../../doors/ledger.ts'
import type { HeadCheck } from '../../doors/ledger.ts'
import { EXIT } from '../exit-codes.ts'
import { isoOf } from '../moment.ts'
import { counted, lines, paint } from '../text.ts'
import { printJson, withExamples, warnOfEnd, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Json {
  readonly json?: true
}

export function addHead(program: Command, cli: Cli): void {
  const head = program
    .command('head')
    .description(
      'Sign where a ledger ends, or compare a ledger with a head that was signed earlier and kept elsewhere.',
    )
  withExamples(head, [
    ['pathledger head keygen auditor.key', 'a key pair: auditor.key and auditor.key.pub'],
    ['pathledger head sign mp.ledger --key auditor.key > mp.head', 'keep mp.head where the ledger is not'],
    [
      'pathledger head verify mp.ledger --head mp.head --key auditor.key.pub',
      'does the ledger still contain what was signed?',
    ],
  ])
  addKeygen(head, cli)
  addSign(head, cli)
  addCheck(head, cli)
}

function addKeygen(head: Command, { io }: Cli): void {
  const command = head
    .command('keygen')
    .description('Make an Ed25519 key pair: FILE, which only its owner may read, and FILE.pub.')
    .argument('<file>', 'where the private key goes')
    .action(async (file: string, { json }: Json) => {
      const keys = makeKeys(file)
      if (json) await printJson(io, keys)
      else await io.out(`${keys.privateKey} and ${keys.publicKey}, key ${keys.key}\n`)
    })
  withJson(command)
  withExamples(command, [['pathledger head keygen auditor.key', 'keep it where the ledger is not']])
}

function addSign(head: Command, cli: Cli): void {
  const command = head
    .command('sign')
    .description('Print a signed head: where the ledger ends now, as one line of JSON.')
    .argument('<file>', 'a ledger; an engine may be writing it')
    .requiredOption('--key <FILE>', 'the private key')
    .action(async (file: string, { key }: { readonly key: string }) => {
      await warnOfEnd(cli, file, { json: true })
      await printJson(cli.io, signHead(file, key))
    })
  withJson(command, 'one JSON document, as without this option')
  withExamples(command, [['pathledger head sign mp.ledger --key auditor.key > mp.head', 'once a day, say']])
}

function addCheck(head: Command, cli: Cli): void {
  const command = head
    .command('verify')
    .description(
      'Compare a ledger with a signed head. This reveals a lost tail, and a file that was rewritten as a whole.\n' +
        'Exits with 5 if the ledger differs from what was signed, or the signature is not valid.',
    )
    .argument('<file>', 'a ledger')
    .requiredOption('--head <FILE>', 'what `head sign` printed')
    .requiredOption('--key <FILE>', 'the public key')
    .action(
      async (
        file: string,
        { head: headFile, key, json }: Json & { readonly head: string; readonly key: string },
      ) => {
        const signed = parseSignedHead(textOf(headFile))
        const check = await withLedger(cli, file, { json }, (reader) => checkHead(reader, signed, key))
        if (json) await printJson(cli.io, check)
        else await cli.io.out(describe(check, isoOf(signed.signedAtUs), cli.io.color))
        cli.exitCode = check.verdict === 'holds' ? EXIT.ok : EXIT.verification
      },
    )
  withJson(command)
  withExamples(command, [
    ['pathledger head verify mp.ledger --head mp.head --key auditor.key.pub', 'for people'],
    ['pathledger head verify mp.ledger --head mp.head --key auditor.key.pub --json', '{"verdict","why",...}'],
  ])
}

function describe(
  { verdict, why, events, signedEvents }: HeadCheck,
  signedAt: string,
  color: boolean,
): string {
  const { good, bad, dim } = paint(color)
  const word = verdict === 'holds' ? good(verdict) : bad(verdict)
  return lines([
    `${word}  ${why}`,
    dim(`${counted(events, 'event')} now, ${signedEvents} when it was signed at ${signedAt}`),
  ])
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new PathledgerError('INPUT_IO', {
      message: `${file} cannot be read.`,
      why: messageOf(error),
      todo: 'Check the name.',
      errno: 'EIO',
    })
  }
}
