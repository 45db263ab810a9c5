import { openLedger } from '../../store/write/open.ts'
import { ledgerStoreContract } from './contract.ts'
import { HEADER } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

ledgerStoreContract('a file behind its writer worker', (limits) =>
  openLedger(tempFile(), { header: HEADER, ...(limits === undefined ? {} : { limits }) }),
)
