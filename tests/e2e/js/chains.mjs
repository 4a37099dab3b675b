// The devnet's two chains as viem knows chains, from the info file; clients as a dapp would make them.

import { readFileSync } from 'node:fs'
import { createPublicClient, createWalletClient, defineChain, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { chainConfig, publicActionsL1, publicActionsL2, walletActionsL1, walletActionsL2 } from 'viem/op-stack'

export const info = JSON.parse(readFileSync(process.argv[2], 'utf8'))

const ether = { name: 'Ether', symbol: 'ETH', decimals: 18 }

export const l1 = defineChain({
  id: info.l1.chainId,
  name: 'devnet L1',
  nativeCurrency: ether,
  rpcUrls: { default: { http: [info.l1.http] } },
  contracts: { multicall3: { address: info.contracts.Multicall3 } },
})

export const l2 = defineChain({
  ...chainConfig,
  id: info.l2.chainId,
  name: 'devnet L2',
  nativeCurrency: ether,
  sourceId: info.l1.chainId,
  rpcUrls: { default: { http: [info.l2.http], webSocket: [info.l2.ws] } },
  contracts: {
    ...chainConfig.contracts,
    portal: { [l1.id]: { address: info.contracts.OptimismPortalProxy } },
    disputeGameFactory: { [l1.id]: { address: info.contracts.DisputeGameFactoryProxy } },
    l1StandardBridge: { [l1.id]: { address: info.contracts.L1StandardBridgeProxy } },
  },
})

export const account = (index) => privateKeyToAccount(info.accounts[index].privateKey)
export const publicL1 = createPublicClient({ chain: l1, transport: http() }).extend(publicActionsL1())
export const publicL2 = createPublicClient({ chain: l2, transport: http() }).extend(publicActionsL2())
export const walletL1 = (signer) =>
  createWalletClient({ account: signer, chain: l1, transport: http() }).extend(walletActionsL1())
export const walletL2 = (signer) =>
  createWalletClient({ account: signer, chain: l2, transport: http() }).extend(walletActionsL2())

// One JSON document on stdout: the tests read it. Big integers become decimal strings.
export const answer = (document) =>
  console.log(JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? value.toString() : value)))
