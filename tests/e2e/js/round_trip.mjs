// Ether in and out again as viem's guides do it: deposit, initiate, prove, finalise. Says what was where, and when.

import { parseEther } from 'viem'
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import { getL2TransactionHashes, getWithdrawals } from 'viem/op-stack'
import { account, answer, l2, publicL1, publicL2, walletL1, walletL2 } from './chains.mjs'

const started = Date.now()
const seconds = {}
const done = (step) => {
  seconds[step] = (Date.now() - started) / 1000
  console.error(`${seconds[step].toFixed(1)} s: ${step}`)
}
const signer = account(0)
const onL1 = walletL1(signer)
const onL2 = walletL2(signer)
const fresh = () => privateKeyToAddress(generatePrivateKey())
const spent = (receipt) => receipt.gasUsed * receipt.effectiveGasPrice + (receipt.l1Fee ?? 0n)
const versions = await publicL1.getPortalVersion({ targetChain: l2 })

// Deposit.
const depositTo = fresh()
const deposited = parseEther('1.5') + 1n
const before = await publicL1.getBalance({ address: signer.address })
const deposit = await publicL2.buildDepositTransaction({ account: signer, mint: deposited, to: depositTo })
const depositHash = await onL1.depositTransaction(deposit)
const depositReceipt = await publicL1.waitForTransactionReceipt({ hash: depositHash })
const l1Cost = before - (await publicL1.getBalance({ address: signer.address })) - spent(depositReceipt)
const [l2Hash] = getL2TransactionHashes(depositReceipt)
const l2Deposit = await publicL2.waitForTransactionReceipt({ hash: l2Hash })
const l2Transaction = await publicL2.getTransaction({ hash: l2Hash })
done('deposited')

// Initiate on L2.
const withdrawTo = fresh()
const withdrawn = parseEther('0.75') + 3n
const request = await publicL1.buildInitiateWithdrawal({ account: signer, to: withdrawTo, value: withdrawn })
const l2Before = await publicL2.getBalance({ address: signer.address })
const withdrawalHash = await onL2.initiateWithdrawal(request)
const receipt = await publicL2.waitForTransactionReceipt({ hash: withdrawalHash })
const l2Cost = l2Before - (await publicL2.getBalance({ address: signer.address })) - spent(receipt)
const [message] = getWithdrawals(receipt)
done('initiated')

// Prove on L1.
const statuses = [await publicL1.getWithdrawalStatus({ receipt, targetChain: l2 })]
const timeToProve = await publicL1.getTimeToProve({ receipt, targetChain: l2 })
const { output, game, withdrawal } = await publicL1.waitToProve({ receipt, targetChain: l2 })
statuses.push(await publicL1.getWithdrawalStatus({ receipt, targetChain: l2 }))
done('a game covers it')
const proof = await publicL2.buildProveWithdrawal({ output, game, withdrawal })
const proveGas = await publicL1.estimateProveWithdrawalGas({ ...proof, account: signer, targetChain: l2 })
const proveHash = await onL1.proveWithdrawal(proof)
const proveReceipt = await publicL1.waitForTransactionReceipt({ hash: proveHash })
statuses.push(await publicL1.getWithdrawalStatus({ receipt, targetChain: l2 }))
done('proven')

// Finalise on L1. waitToFinalize waits for the proof to mature; the game has to be over as well.
await publicL1.waitToFinalize({ targetChain: l2, withdrawalHash: withdrawal.withdrawalHash })
done('proof is mature')
while ((await publicL1.getWithdrawalStatus({ receipt, targetChain: l2 })) === 'waiting-to-finalize')
  await new Promise((resolve) => setTimeout(resolve, 1000))
statuses.push(await publicL1.getWithdrawalStatus({ receipt, targetChain: l2 }))
done('game is over')
const finalizeHash = await onL1.finalizeWithdrawal({ targetChain: l2, withdrawal })
const finalizeReceipt = await publicL1.waitForTransactionReceipt({ hash: finalizeHash })
statuses.push(await publicL1.getWithdrawalStatus({ receipt, targetChain: l2 }))
done('finalised')

answer({
  portalMajor: versions.major,
  statuses,
  seconds,
  timeToProve: timeToProve.seconds,
  deposit: {
    value: deposited,
    l1Status: depositReceipt.status,
    l1Extra: l1Cost,
    l2Status: l2Deposit.status,
    type: l2Transaction.typeHex,
    kind: l2Transaction.type,
    mint: l2Transaction.mint,
    arrived: await publicL2.getBalance({ address: depositTo }),
  },
  withdrawal: {
    value: withdrawn,
    messageValue: message.value,
    l2Status: receipt.status,
    l2Extra: l2Cost,
    proveGas,
    proveStatus: proveReceipt.status,
    proveGasUsed: proveReceipt.gasUsed,
    finalizeStatus: finalizeReceipt.status,
    arrived: await publicL1.getBalance({ address: withdrawTo }),
  },
  output: { block: output.l2BlockNumber, root: output.outputRoot },
  initiatedIn: receipt.blockNumber,
})
