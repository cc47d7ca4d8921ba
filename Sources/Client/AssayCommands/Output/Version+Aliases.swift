import AssayDomain

extension Version {
    /// Its aliases for people, each with what is to be known of it.
    var aliasesText: String {
        aliases.map { alias in
            (notPromoted ?? []).contains(alias) ? "\(alias.text) (\(Alias.notPromotedText))" : alias.text
        }.joined(separator: ", ")
    }

    /// Its name for people, and that it must not be used any more where that is so.
    var markedReference: String { withdrawn == nil ? "\(reference)" : "\(reference) (withdrawn)" }

    /// What to say where somebody takes a version that must not be used any more; nil if it may.
    var withdrawnWarning: String? { withdrawn.map { "warning: \(reference) is \($0.text)" } }

    /// Why a version that must not be used any more is not taken.
    static func isWithdrawn(_ name: String, _ withdrawn: Version.Withdrawn) -> AssayError {
        AssayError(
            .versionWithdrawn, "\(name) is withdrawn", reason: withdrawn.text,
            remedy: "take another version, or this one all the same with --allow-withdrawn")
    }

    /// What to say where it came under the name of a protected alias that did not promote it; nil if it did.
    func notPromotedWarning(as reference: Reference) -> String? {
        guard case .tag(.alias(let alias)) = reference.selector, (notPromoted ?? []).contains(alias) else { return nil }
        return "warning: \(reference) is \(Alias.notPromotedText): its policy has not passed \(self.reference)"
    }
}
