import AssayBundle
import AssayClient
import AssayDomain

/// A signature of a model that lies at the top of the pushed folder, as the `model_signing` tool leaves it.
///
/// It goes along if it is over exactly the files that are pushed, without those that its signer passed over: a version
/// holds no file that its signature does not list. Any other one, such as that of files which were changed since, stays
/// behind, and that is told.
struct BroughtSignature: Sendable {
    let localPath: String

    /// What of a push a signature is over.
    struct Choice<File: Sendable>: Sendable {
        let files: [File]
        /// Nil if it stays behind.
        let signature: [UInt8]?
        /// What people are told.
        let notes: [String]
    }

    /// By whom a signature is, as far as the registry's keys tell.
    private static func signer(of signature: ModelSignature, _ known: [TrustedKey]) -> String {
        guard let id = signature.keyID, !id.isEmpty else {
            return "by a key that it does not name, or with a certificate"
        }
        let name = "by key \(Printable.escape(id.prefix(12)))"
        guard let key = known.first(where: { $0.id == id && $0.role != .log }) else {
            return "as it says \(name), which the registry does not know"
        }
        return "\(name), \(Printable.quote(key.name))"
    }

    /// The files to push, and the signature if it is over just these. `known` are the keys that the registry trusts: a
    /// signature that claims one of them and is not by it would be refused there.
    func choose<File: Sendable>(
        among files: [File], known: [TrustedKey], _ describe: (File) -> VersionFile
    ) throws -> Choice<File> {
        do {
            let bytes = try LocalFile(opening: localPath).readAll(bytesMax: ModelSignature.bytesMax)
            let signature = try ModelSignature(parsing: bytes)
            let ignored = try signature.ignoredPaths()
            let kept = files.filter { !ignored.covers(describe($0).path) }
            try signature.check(kept.map(describe))
            try signature.checkClaim(known: known)
            let passed = files.map { describe($0).path }.filter { ignored.covers($0) }
            return Choice(
                files: kept, signature: bytes,
                notes: passed.map { "left out, since its signer passed over it: \(Printable.escape($0))" }
                    + ["\(Printable.escape(localPath)) goes along as a signature, \(Self.signer(of: signature, known))"]
            )
        } catch let error as AssayError where error.code.kind == .integrity || error.code.kind == .tooLarge {
            let reason = error.reason.map { "\(error.message): \($0)" } ?? error.message
            return Choice(
                files: files, signature: nil,
                notes: [
                    "\(Printable.escape(localPath)) is not the signature of these files and stays behind: \(reason)"
                ])
        }
    }
}
