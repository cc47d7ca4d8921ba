import AssayBundle
import AssayClient
import AssayDomain

/// Files that lie in a folder and are no part of the version that was pulled into it, as of one that was there before.
enum StrayFiles {
    /// The most names that a notice has.
    private static let namesMax = 5

    /// What people are told of them; nil if there are none. Whatever `check` passes over is passed over.
    ///
    /// `isSigned` says whether a signature lies in the folder, which `check` holds everything in it against.
    static func notice(
        in folder: String, besides files: [VersionFile], isSigned: Bool, access: FileAccess
    ) async throws -> String? {
        let next =
            isSigned
            ? "; assay check refuses the folder while they are there: remove them, or pull into an empty folder" : ""
        let paths: [String]
        do {
            paths = try await access.run { try FileScan.scan([folder], rules: nil).files.map(\.path) }
        } catch let error as AssayError {
            // The version is there; that something else could not be looked at is news, and no failure.
            return "\(Printable.escape(folder)) holds something besides the version: \(error.message)\(next)"
        }
        let known = Set(files.map { ExactText($0.path) })
        let others = paths.filter { !known.contains(ExactText($0)) && !ModelSignature.ignores(path: $0) }
        guard !others.isEmpty else { return nil }
        let names = others.prefix(namesMax).map { Printable.quote($0) }.joined(separator: ", ")
        let rest = others.count > namesMax ? " and \(others.count - namesMax) more" : ""
        let (are, them) = others.count == 1 ? ("is", "it is") : ("are", "they are")
        return "\(Figure.files(others.count)) in \(Printable.escape(folder)) \(are) no part of the version: "
            + names + rest + (others.count == 1 ? next.replacing("they are", with: them) : next)
    }
}
