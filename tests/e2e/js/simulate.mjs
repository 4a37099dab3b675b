// What a wallet foretells with viem before it signs: blocks of calls, changes of assets, a transaction filled in.

import { encodeFunctionData, parseAbi, parseEther } from 'viem'
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import { account, answer, publicL1, publicL2, walletL2 } from './chains.mjs'

const signer = account(3)
const wallet = walletL2(signer)
const fresh = () => privateKeyToAddress(generatePrivateKey())
const abi = parseAbi([
  'function deposit() payable',
  'function transfer(address dst, uint256 wad) returns (bool)',
  'function balanceOf(address) view returns (uint256)',
  'event Transfer(address indexed src, address indexed dst, uint256 wad)',
])
const poor = fresh()
const to = fresh()

// A block that gives an account ether, and one where it spends some: nothing of it is on the chain.
const simulated = await publicL2.simulateBlocks({
  blocks: [
    { stateOverrides: [{ address: poor, balance: parseEther('2') }], calls: [{ account: poor, to, value: parseEther('1') }] },
    { blockOverrides: { baseFeePerGas: 7n }, calls: [{ account: to, to: poor, value: parseEther('0.5') }] },
  ],
  traceTransfers: true,
})

// A token that is deployed for real, and what a transfer of it would do.
const deployed = await publicL2.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi, bytecode: process.argv[3] }) })
const token = deployed.contractAddress
await publicL2.waitForTransactionReceipt({ hash: await wallet.writeContract({ abi, address: token, functionName: 'deposit', value: 1000n }) })
const foretold = await publicL2.simulateCalls({
  account: signer.address,
  calls: [
    { to: token, abi, functionName: 'transfer', args: [to, 400n] },
    { to, value: 5n },
    { to: token, abi, functionName: 'transfer', args: [to, 601n] },
  ],
  traceAssetChanges: true,
})

const data = encodeFunctionData({ abi, functionName: 'transfer', args: [to, 1n] })
const filled = await publicL2.request({ method: 'eth_fillTransaction', params: [{ from: signer.address, to: token, input: data }] })
const onL1 = await publicL1.simulateBlocks({ blocks: [{ calls: [{ account: signer.address, to, value: 1n }] }], validation: false })

answer({
  blocks: simulated.map((block) => ({ number: block.number, baseFee: block.baseFeePerGas, parent: block.parentHash, hash: block.hash })),
  statuses: simulated.map((block) => block.calls[0].status),
  transfer: simulated[0].calls[0].logs.map((log) => [log.address, BigInt(log.data)]),
  before: await publicL2.getBalance({ address: to }),
  results: foretold.results.map((result) => [result.status, result.result ?? null]),
  changes: foretold.assetChanges.map((change) => [change.token.address.toLowerCase(), change.value.diff]),
  token: token.toLowerCase(),
  filled: filled.tx,
  nonce: await publicL2.getTransactionCount({ address: signer.address }),
  l1: onL1.map((block) => block.calls[0].status),
})
process.exit(0)
