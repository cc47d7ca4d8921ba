import AssayDomain

extension Version {
    /// Its aliases for people, each with what is to be known of it.
    var aliasesText: String {
        aliases.map { alias in
            (notPromoted ?? []).contains(alias) ? "\(alias.text) (\(Alias.notPromotedText))" : alias.text
        }.joined(separator: ", ")
    }

    /// What to say where it came under the name of a protected alias that did not promote it; nil if it did.
    func notPromotedWarning(as reference: Reference) -> String? {
        guard case .tag(.alias(let alias)) = reference.selector, (notPromoted ?? []).contains(alias) else { return nil }
        return "warning: \(reference) is \(Alias.notPromotedText): its policy has not passed \(self.reference)"
    }
}
