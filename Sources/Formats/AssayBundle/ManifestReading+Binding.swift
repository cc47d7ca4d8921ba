package import AssayDomain

extension ManifestReading {
    /// What ties a manifest to its files: the one rule of every verifier that has it.
    ///
    /// `config` are the bytes of the config that the manifest names, nil where they are not at hand. `statements` are
    /// those about the manifest whose signatures were checked; only a release key's binds.
    package static func binding(
        of manifest: Manifest, config: [UInt8]?, statements: [(content: Statement, signer: TrustedKey)]
    ) -> ManifestBinding {
        let files: [VersionFile]
        do throws(AssayError) {
            files = try ManifestReading(manifest).unambiguousFiles()
        } catch {
            return .ambiguous(error.reason ?? error.message)
        }
        if let form = config.flatMap({ PlainForm.of(manifest, config: $0) }) { return .plain(form: form.rawValue) }
        let signers = statements.filter {
            $0.signer.role == .release && BindingPredicate.binds($0.content, manifest.digest, files)
        }.map(\.signer.id)
        return signers.isEmpty ? .unbound : .signed(by: signers.uniqued())
    }
}

extension [String] {
    /// Each once, in order.
    fileprivate func uniqued() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
