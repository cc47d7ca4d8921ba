extension VerificationReport {
    /// Whether answers of a model may be kept and given again to the same inputs.
    package struct Cacheable: Sendable, Hashable, Codable {
        /// Whether it was shown that a kept answer is the one that the model would give, bit for bit.
        package let exact: Bool
        package let reason: String

        package init(exact: Bool, reason: String) {
            self.exact = exact
            self.reason = reason
        }
    }
}

extension VerificationReport.Measurements {
    /// What follows from whether answers are the same when they are asked for again, and in other batches.
    package func cacheability(threads: Int) -> VerificationReport.Cacheable {
        guard let deterministic, deterministic.runs > 0 else {
            return .init(exact: false, reason: "nothing was run again, so nobody knows whether answers are the same")
        }
        guard deterministic.maxDifference == 0 else {
            return .init(exact: false, reason: "answers to the same batch differ when it is run again")
        }
        guard let batchInvariant, batchInvariant.samples > 0 else {
            return .init(
                exact: false, reason: "recorded sets are run as they are, so nobody knows what other batches answer")
        }
        if let fault = batchInvariant.fault {
            return .init(exact: false, reason: "other batches are not comparable: \(fault)")
        }
        let sizes = ([batchInvariant.batch] + batchInvariant.otherBatches).map(String.init).joined(separator: ", ")
        guard batchInvariant.exact else {
            let most = batchInvariant.maxDifference.map { ", by at most \(JSONTree.text(of: $0))" } ?? ""
            return .init(exact: false, reason: "answers depend on the batch\(most) (batches of \(sizes))")
        }
        return .init(
            exact: true,
            reason: "the same bits when run again, in other orders and in batches of \(sizes), on "
                + "\(batchInvariant.samples) samples with \(threads) thread(s)")
    }
}

extension Policy {
    /// Whether answers may be kept, by what was measured and not by what the report says of it.
    func cacheableOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard cacheable == true else { return [] }
        let demanded = "the same bits whenever it is asked"
        guard let report = evidence.report, let measured = report.measurements else {
            return [unmeasured("cacheable", demanded, evidence.report)]
        }
        let found = measured.cacheability(threads: report.settings.threads)
        return [outcome("cacheable", demanded, Printable.escape(found.reason, limit: 400), found.exact)]
    }
}
