// What a dapp does on L2 with viem: send, deploy, call, read logs, watch heads, ask what things cost.

import { createPublicClient, parseAbi, parseEther, serializeTransaction, webSocket } from 'viem'
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts'
import { account, answer, info, l2, publicL2, walletL2 } from './chains.mjs'

const signer = account(1)
const wallet = walletL2(signer)
const fresh = () => privateKeyToAddress(generatePrivateKey())
const mined = (hash) => publicL2.waitForTransactionReceipt({ hash })
const charged = (receipt) => receipt.gasUsed * receipt.effectiveGasPrice + receipt.l1Fee

// Heads over WebSocket from here on.
const socket = createPublicClient({ chain: l2, transport: webSocket(info.l2.ws) })
const heads = []
const stopWatching = socket.watchBlocks({ onBlock: (block) => heads.push({ number: block.number, hash: block.hash }) })

// A transfer, and what it was foretold to cost.
const to = fresh()
const value = parseEther('0.25')
const transfer = { account: signer, to, value }
const estimate = {
  l1Fee: await publicL2.estimateL1Fee(transfer),
  l1Gas: await publicL2.estimateL1Gas(transfer),
  totalFee: await publicL2.estimateTotalFee(transfer),
  totalGas: await publicL2.estimateTotalGas(transfer),
  operatorFee: await publicL2.estimateOperatorFee(transfer),
  l1BaseFee: await publicL2.getL1BaseFee(),
}
const before = await publicL2.getBalance({ address: signer.address })
const sent = await mined(await wallet.sendTransaction({ to, value }))
const paid = before - (await publicL2.getBalance({ address: signer.address })) - value

// A contract from the outside: deployed, called, its logs read back.
const abi = parseAbi([
  'function deposit() payable',
  'function transfer(address dst, uint256 wad) returns (bool)',
  'function balanceOf(address) view returns (uint256)',
  'event Transfer(address indexed src, address indexed dst, uint256 wad)',
])
const deployed = await mined(await wallet.deployContract({ abi, bytecode: process.argv[3] }))
const address = deployed.contractAddress
const logsSeen = []
const stopEvents = socket.watchContractEvent({ abi, address, eventName: 'Transfer', onLogs: (logs) => logsSeen.push(...logs) })
await mined(await wallet.writeContract({ abi, address, functionName: 'deposit', value: 1000n }))
const { request, result } = await publicL2.simulateContract({
  account: signer, abi, address, functionName: 'transfer', args: [to, 400n],
})
const moved = await mined(await wallet.writeContract(request))
const balance = await publicL2.readContract({ abi, address, functionName: 'balanceOf', args: [to] })
const logs = await publicL2.getContractEvents({
  abi, address, eventName: 'Transfer', args: { dst: to }, fromBlock: deployed.blockNumber,
})

// An account that delegates to a contract, EIP-7702.
const delegate = privateKeyToAccount(generatePrivateKey())
const authorization = await walletL2(delegate).signAuthorization({ account: delegate, contractAddress: address })
const delegated = await mined(
  await wallet.sendTransaction({ authorizationList: [authorization], to: delegate.address, data: '0xd0e30db0', value: 5n }),
)
const code = await publicL2.getCode({ address: delegate.address })

// What GasPriceOracle says about the transfer as it was sent, at the block that holds it.
const read = await publicL2.getTransaction({ hash: sent.transactionHash })
const unsigned = serializeTransaction({
  chainId: read.chainId, nonce: read.nonce, to: read.to, value: read.value, gas: read.gas,
  maxFeePerGas: read.maxFeePerGas, maxPriorityFeePerGas: read.maxPriorityFeePerGas, type: 'eip1559',
})
const oracleFee = await publicL2.readContract({
  abi: parseAbi(['function getL1Fee(bytes) view returns (uint256)']),
  address: l2.contracts.gasPriceOracle.address,
  functionName: 'getL1Fee',
  args: [unsigned],
  blockNumber: sent.blockNumber,
})

while (heads.length < 3 || logsSeen.length === 0) await new Promise((resolve) => setTimeout(resolve, 200))
stopEvents()
stopWatching()
const canonical = await Promise.all(heads.map(async ({ number }) => (await publicL2.getBlock({ blockNumber: number })).hash))

answer({
  estimate,
  transfer: {
    paid, charged: charged(sent), l1Fee: sent.l1Fee, oracleFee, status: sent.status,
    arrived: await publicL2.getBalance({ address: to }), value,
  },
  contract: { simulated: result, balance, moved: moved.status, logs: logs.map((log) => [log.transactionHash, log.args.wad]) },
  movedIn: moved.transactionHash,
  watched: logsSeen.map((log) => log.transactionHash),
  delegation: { code, type: delegated.type, to: address, status: delegated.status },
  heads: heads.map((head) => head.hash),
  canonical,
})
process.exit(0)
