// A token in through the standard bridge and out again as far as L2 goes, with viem.

import { parseAbi, parseEventLogs } from 'viem'
import { getL2TransactionHashes, getWithdrawals } from 'viem/op-stack'
import { account, answer, info, l1, l2, publicL1, publicL2, walletL1, walletL2 } from './chains.mjs'

const [, , , tokenCode] = process.argv
const signer = account(3)
const [onL1, onL2] = [walletL1(signer), walletL2(signer)]
const l1Mined = (hash) => publicL1.waitForTransactionReceipt({ hash })
const l2Mined = (hash) => publicL2.waitForTransactionReceipt({ hash })

const tokenAbi = parseAbi([
  'function deposit() payable',
  'function approve(address, uint256) returns (bool)',
  'function balanceOf(address) view returns (uint256)',
  'function remoteToken() view returns (address)',
])
const bridgeAbi = parseAbi([
  'function depositERC20To(address l1Token, address l2Token, address to, uint256 amount, uint32 gas, bytes data)',
  'function withdraw(address l2Token, uint256 amount, uint32 gas, bytes data)',
])
const factoryAbi = parseAbi([
  'function createOptimismMintableERC20(address remote, string name, string symbol) returns (address)',
  'event OptimismMintableERC20Created(address indexed localToken, address indexed remoteToken, address deployer)',
])

const amount = 10n ** 18n + 1n
const { contractAddress: token } = await l1Mined(await onL1.deployContract({ abi: tokenAbi, bytecode: tokenCode }))
await l1Mined(await onL1.writeContract({ abi: tokenAbi, address: token, functionName: 'deposit', value: amount }))
const bridge = l2.contracts.l1StandardBridge[l1.id].address
await l1Mined(await onL1.writeContract({ abi: tokenAbi, address: token, functionName: 'approve', args: [bridge, amount] }))

const created = await l2Mined(
  await onL2.writeContract({
    abi: factoryAbi,
    address: '0x4200000000000000000000000000000000000012',
    functionName: 'createOptimismMintableERC20',
    args: [token, 'Twin', 'TWN'],
  }),
)
const [made] = parseEventLogs({ abi: factoryAbi, logs: created.logs })
const twin = made.args.localToken

const deposited = await l1Mined(
  await onL1.writeContract({
    abi: bridgeAbi,
    address: bridge,
    functionName: 'depositERC20To',
    args: [token, twin, signer.address, amount, 200_000, '0x'],
  }),
)
const relayed = await l2Mined(getL2TransactionHashes(deposited)[0])
const balance = (client, address) =>
  client.readContract({ abi: tokenAbi, address, functionName: 'balanceOf', args: [signer.address] })
const afterDeposit = { l1: await balance(publicL1, token), l2: await balance(publicL2, twin) }

const out = 7n
const burnt = await l2Mined(
  await onL2.writeContract({
    abi: bridgeAbi,
    address: l2.contracts.l2StandardBridge.address,
    functionName: 'withdraw',
    args: [twin, out, 200_000, '0x'],
  }),
)
const [withdrawal] = getWithdrawals(burnt)

answer({
  amount,
  out,
  remote: await publicL2.readContract({ abi: tokenAbi, address: twin, functionName: 'remoteToken' }),
  token,
  relayed: relayed.status,
  afterDeposit,
  afterWithdrawal: await balance(publicL2, twin),
  withdrawalTarget: withdrawal.target,
  messenger: info.contracts.L1CrossDomainMessengerProxy,
})
