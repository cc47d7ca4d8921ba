extension Policy {
    /// What files of a version must not be, by their content.
    package struct FormatDemand: Sendable, Hashable, Codable {
        /// Formats by their names in `FileInspection.Format.deniable`.
        package var deny: [String]
    }

    /// The name of the requirement.
    static let formatsRequirement = "formats"

    /// Throws `policy-invalid` for a demand that denies nothing, or what there is not.
    func checkFormats() throws(AssayError) {
        guard let deny = formats?.deny else { return }
        guard !deny.isEmpty, Set(deny).count == deny.count else {
            throw AssayError(
                .policyInvalid, "formats.deny is empty, or names a format twice",
                remedy: "write formats: {deny: [pickle]}, or leave the key out")
        }
        let known = FileInspection.Format.deniable
        for name in deny where !known.contains(where: { $0.isExactly(name) }) {
            let near = Suggestion.nearest(to: name, among: known)
            throw AssayError(
                .policyInvalid,
                "formats.deny names \(Printable.quote(name, limit: 80)), which is no format that is known",
                reason: near.map { "did you mean '\($0)'?" }, remedy: "use \(known.joined(separator: ", "))")
        }
    }

    /// One line for all formats. A file that could be anything counts as what is denied.
    func formatOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let deny = formats?.deny else { return [] }
        let demanded = "no " + deny.sorted().joined(separator: ", ")
        guard let inspections = evidence.inspections else {
            return [
                RequirementOutcome(
                    requirement: Self.formatsRequirement, demanded: demanded, measured: "the files were not read",
                    status: .missing)
            ]
        }
        let denied = inspections.filter { deny.contains($0.format) }
        let opaque = inspections.filter { $0.isOpaque == true && !deny.contains($0.format) }
        let texts = denied.map { file in
            let imports = (file.imports ?? []).prefix(3).map { Printable.escape($0, limit: 60) }
            let what = imports.isEmpty ? file.format : "\(file.format) of \(imports.joined(separator: ", "))"
            return "\(Printable.quote(file.path, limit: 80)) is \(what)"
        }
        let unread = opaque.map { file in
            let reason = Printable.escape(file.notInspected ?? "", limit: 100)
            return "\(Printable.quote(file.path, limit: 80)) could be: \(reason)"
        }
        let all = texts + unread
        guard let first = all.first else { return [outcome(Self.formatsRequirement, demanded, "none", true)] }
        return [
            outcome(
                Self.formatsRequirement, demanded, first + (all.count > 1 ? ", and \(all.count - 1) more" : ""), false)
        ]
    }
}
