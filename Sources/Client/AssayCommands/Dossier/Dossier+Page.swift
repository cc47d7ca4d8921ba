import AssayDomain
import AssayReport

extension Dossier {
    /// The page for people: what `dossier.json` says and nothing else.
    func page() throws -> [UInt8] {
        let ends = log.isClosed ? "Nothing can be added to it any more." : "The log had no entry after it yet."
        let page = FactsPage(
            title: "\(scope.repository):\(scope.alias) from \(scope.from) to \(scope.to)",
            lead: [
                "Entries \(log.start) to \(log.end - 1) of \(log.entryCount) in the audit log \(log.origin). \(ends)",
                "This page shows what dossier.json says. Check the file before you rely on it: "
                    + "assay audit check FILE --trust TRUSTROOT",
            ],
            parts: [
                missingPart, holderPart, decisionPart, requirementPart, waiverPart, policyPart, versionPart,
                lineagePart,
                evidencePart, keyPart,
            ])
        return Array(try page.html().utf8)
    }

    private func keyName(_ id: String?) -> String {
        guard let id else { return "nobody who is trusted" }
        return keys.first { $0.id == id }.map { "\($0.name) (\(id.prefix(12)))" } ?? String(id.prefix(12))
    }

    private var missingPart: FactsPage.Part {
        var part = FactsPage.Part(
            "fields", "What record keeping asks for",
            remark: "Of the versions that held the alias. What is missing here may lie elsewhere.",
            columns: ["Field", "Asked by", "What", "Status", "Signed by", "Missing for"])
        for row in recordKeeping {
            part.add(
                [
                    row.id, row.rule, row.asks, row.status.rawValue, row.by.joined(separator: ", "),
                    row.missingIn.map(String.init).joined(separator: ", "),
                ], isBad: row.status == .missing)
        }
        return part
    }

    private var holderPart: FactsPage.Part {
        var part = FactsPage.Part(
            "holders", "Who held the alias", remark: "All moves in the window, and the one that came before it.",
            columns: ["Version", "Since", "Until", "By", "Actor", "Entry", "Verdict", "Reason"])
        for holder in holders {
            part.add(
                [
                    holder.version.map(String.init) ?? "none", holder.since.description,
                    holder.until?.description ?? "end of the window", holder.cause, holder.actor, "\(holder.entry)",
                    holder.verdict?.short ?? "", holder.reason ?? "",
                ], isBad: holder.verdict == nil)
        }
        return part
    }

    private var decisionPart: FactsPage.Part {
        var part = FactsPage.Part(
            "decisions", "Verdicts", remark: "Yes and no. One that no registry key signed counts for nothing.",
            columns: ["Entry", "At", "Version", "Result", "Counts", "Signed by", "Move", "Missed"])
        for decision in decisions {
            part.add(
                [
                    "\(decision.entry)", decision.at.description, decision.version.map(String.init) ?? "",
                    decision.result.rawValue, decision.counts ? "yes" : "no", keyName(decision.signer),
                    decision.move.map(String.init) ?? "", decision.missed.map(\.requirement).joined(separator: ", "),
                ], isBad: decision.result != .passed || !decision.counts)
        }
        return part
    }

    private var requirementPart: FactsPage.Part {
        var part = FactsPage.Part(
            "requirements", "What was missed or waived", remark: "As the verdicts say it.",
            columns: ["Verdict", "Version", "Requirement", "Demanded", "Measured", "Status", "Waiver"])
        for decision in decisions {
            for line in decision.missed + decision.waived {
                part.add([
                    "\(decision.entry)", decision.version.map(String.init) ?? "", line.requirement, line.demanded,
                    line.measured, line.status, line.waiver ?? "",
                ])
            }
        }
        return part
    }

    private var waiverPart: FactsPage.Part {
        var part = FactsPage.Part(
            "waivers", "Waivers", remark: "All of the versions here, for whatever alias they are.",
            columns: ["Entry", "Version", "Alias", "Requirement", "Reason", "Until", "Counts", "Signed by"])
        for version in versions {
            for waiver in version.waivers {
                part.add([
                    "\(waiver.entry)", "\(version.number)", waiver.alias.text, waiver.requirement, waiver.reason,
                    waiver.expiresAt.description, waiver.counts ? "yes" : "no", keyName(waiver.signer),
                ])
            }
        }
        return part
    }

    private var policyPart: FactsPage.Part {
        var part = FactsPage.Part(
            "policies", "Policies in force", remark: "Their texts are in the dossier, by digest.",
            columns: ["Policy", "Since", "Until", "Set by", "Entry"])
        for policy in policies {
            part.add(
                [
                    policy.digest?.description ?? "none", policy.since.description,
                    policy.until?.description ?? "end of the window", policy.actor, "\(policy.entry)",
                ], isBad: policy.digest == nil)
        }
        return part
    }

    private var versionPart: FactsPage.Part {
        var part = FactsPage.Part(
            "versions", "Versions", remark: "Those that held the alias, and those that a verdict is on.",
            columns: ["Version", "Digest", "Pushed", "By", "Entry", "Held", "Files", "Licence", "Description"])
        for version in versions {
            let deleted = version.deleted.map { "deleted by entry \($0)" }
            part.add(
                [
                    "\(version.number)", version.digest.description, version.at.description, version.actor,
                    "\(version.entry)", version.held ? "yes" : "no", deleted ?? "\(version.files.count)",
                    version.license ?? "", version.description ?? "",
                ], isBad: version.deleted != nil)
        }
        return part
    }

    private var lineagePart: FactsPage.Part {
        var part = FactsPage.Part(
            "lineage", "Lineage", remark: "From provenance that a trusted key signed.",
            columns: ["Version", "Relation", "Source", "Digest", "Signed by"])
        for version in versions {
            for source in version.lineage {
                part.add([
                    "\(version.number)", source.relation, source.name, source.digest.description,
                    keyName(source.signer),
                ])
            }
        }
        return part
    }

    private var evidencePart: FactsPage.Part {
        var part = FactsPage.Part(
            "evidence", "Evidence", remark: "All that the log has of these versions up to the end of the window.",
            columns: ["Version", "Entry", "At", "Type", "Status", "Says", "Signed by", "Digest"])
        for version in versions {
            for item in version.evidence {
                part.add(
                    [
                        "\(version.number)", "\(item.entry)", item.at.description, PredicateType.short(item.type),
                        item.status.rawValue, item.result?.rawValue ?? "", keyName(item.signer),
                        item.digest.description,
                    ], isBad: item.status != .valid)
            }
        }
        return part
    }

    private var keyPart: FactsPage.Part {
        var part = FactsPage.Part(
            "keys", "Keys", remark: "As the registry's log has them at the end of the window.",
            columns: ["Name", "Role", "Id", "From", "Until", "Revoked"])
        for key in keys {
            part.add(
                [
                    key.name, key.role.rawValue, key.id, key.validFrom?.description ?? "",
                    key.validUntil?.description ?? "", key.revokedAt?.description ?? "",
                ], isBad: key.revokedAt != nil)
        }
        return part
    }
}
