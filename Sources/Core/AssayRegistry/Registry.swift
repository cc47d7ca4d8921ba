package import AssayDomain
package import Logging

/// All use cases over one set of adapters: what a front end is given.
package struct Registry: Sendable {
    package let publish: Publish
    package let blobs: TransferBlobs
    package let catalog: Catalog
    package let find: FindContent
    package let aliases: ManageAliases
    package let trust: ManageTrust
    package let verify: Verify
    package let promote: Promote
    package let askHolders: AskHolders
    package let select: Select
    package let delete: Delete
    package let audit: Audit
    package let withdraw: Withdraw
    package let attest: Attest
    package let seal: Seal
    package let inspect: InspectFiles
    package let sealing: SealQueue
    /// The time by which leases end.
    package let steadyClock: any SteadyClock
    private let blobStore: any BlobStore
    private let index: any Index

    /// Throws `too-many-entries` for more labels than a worker may have.
    package init(
        blobs: any BlobStore, index: any Index, log: any AuditLog, evidence: any EvidenceFormat,
        inspector: any ModelInspector,
        host: any EvaluatorHost, clock machineClock: any WallClock, steadyClock: any SteadyClock,
        ids: any IDGenerator, codes: any MessageCodes, logger: Logger,
        settings: StoreSettings = StoreSettings(), keys: (any SigningKeys)? = nil
    ) throws(AssayError) {
        let clock = RegistryClock(machineClock, notBefore: index.lastEntryTime)
        publish = Publish(
            blobs: blobs, index: index, evidence: evidence, inspector: inspector, clock: clock,
            manifestBytesMax: settings.manifestBytesMax)
        self.blobs = TransferBlobs(
            blobs: blobs, index: index, codes: codes, clock: clock, steadyClock: steadyClock, logger: logger)
        catalog = Catalog(index: index)
        find = FindContent(index: index, evidence: evidence)
        aliases = ManageAliases(blobs: blobs, index: index, evidence: evidence, clock: clock)
        trust = ManageTrust(index: index, evidence: evidence, signingKeys: keys, clock: clock)
        verify = try Verify(
            blobs: blobs, index: index, evidence: evidence, inspector: inspector, host: host, clock: clock,
            steadyClock: steadyClock, ids: ids, logger: logger, settings: settings.evaluators)
        seal = Seal(blobs: blobs, index: index, log: log, evidence: evidence, inspector: inspector, clock: clock)
        inspect = InspectFiles(blobs: blobs, index: index, evidence: evidence, inspector: inspector)
        sealing = SealQueue(seal: seal, index: index, logger: logger)
        promote = Promote(
            blobs: blobs, index: index, evidence: evidence, verify: verify, sealing: sealing, clock: clock,
            verifierID: Verdict.verifierID(logKeyID: keys?.logKeyID))
        askHolders = AskHolders(blobs: blobs, index: index, evidence: evidence)
        select = Select(index: index, verify: verify)
        delete = Delete(index: index, aliases: aliases, clock: clock)
        audit = Audit(log: log, index: index)
        withdraw = Withdraw(blobs: blobs, index: index, evidence: evidence, clock: clock)
        attest = Attest(blobs: blobs, index: index, evidence: evidence, clock: clock)
        self.steadyClock = steadyClock
        blobStore = blobs
        self.index = index
    }

    /// Whether the registry takes writes; monitors read it from `/readyz`.
    package var isWritable: Bool { blobStore.isWritable && index.isWritable }
}
