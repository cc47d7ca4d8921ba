import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

struct EvidenceTests {
    private func storeReferrer(
        _ seed: Int, of subject: Digest, type: String, annotations: [String: String] = [:], in index: SQLiteIndex
    ) async throws {
        let name = try repositoryName("team/fraud")
        try await index.linkBlob(digest(seed), size: Sample.layerBytes, to: name, at: time(1), leasedUntil: time(1))
        let manifest = try Sample.manifest(seed, subject: subject, artifactType: type, annotations: annotations)
        _ = try await index.publish(
            Publication(
                repository: name, kind: nil, manifest: manifest, intent: .content, actor: "tester",
                at: time(Int64(seed))))
    }

    private func verification(_ bits: UInt64, at: Int64 = 1) throws -> Verification {
        let subject = VerificationReport.Subject(
            repository: try repositoryName("team/fraud"), number: try number(1), digest: digest(1_000_001))
        let dataset = VerificationReport.Subject(
            repository: try repositoryName("data"), number: try number(1), digest: digest(1_000_002))
        return Verification(
            id: VerificationID(bits: bits), subject: subject, dataset: dataset, baseline: nil,
            settings: VerificationSettings(batch: 4), createdAt: time(at))
    }

    private func referrers(
        of subject: Digest, in index: SQLiteIndex, type: String? = nil
    ) async throws -> [Descriptor] {
        try await index.referrers(
            of: subject, in: try repositoryName("team/fraud"), artifactType: type, after: nil, limit: 10
        ).items
    }

    @Test func `referrers may come before their subject`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            let subject = digest(1_000_001)
            try await storeReferrer(20, of: subject, type: "text/plain", annotations: ["Note": "x_y"], in: index)
            try await storeReferrer(10, of: subject, type: MediaType.sigstoreBundle, in: index)
            try await storeReferrer(30, of: digest(5), type: "text/plain", in: index)
            let all = try await referrers(of: subject, in: index)
            #expect(all.map(\.digest) == [digest(1_000_020), digest(1_000_010)])
            #expect(all.first?.annotations == ["Note": "x_y"])
            #expect(
                all.first
                    == (try Sample.manifest(
                        20, subject: subject, artifactType: "text/plain", annotations: ["Note": "x_y"]
                    ).descriptor))
            let plain = try await referrers(of: subject, in: index, type: "text/plain")
            #expect(plain.map(\.digest) == [digest(1_000_020)])
            #expect(try await referrers(of: digest(99), in: index).isEmpty)
            let first = try await index.referrers(of: subject, in: name, artifactType: nil, after: nil, limit: 1)
            #expect(first.items == [all[0]])
            let cursor = try #require(first.next.flatMap { Int64($0) })
            let last = try await index.referrers(of: subject, in: name, artifactType: nil, after: cursor, limit: 1)
            #expect((last.items, last.next) == ([all[1]], nil))
        }
    }

    @Test func `signed statements are told from other referrers`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            let subject = digest(1_000_001)
            try await storeReferrer(
                10, of: subject, type: MediaType.sigstoreBundle,
                annotations: [Annotation.bundlePredicateType: PredicateType.modelSignature], in: index)
            try await storeReferrer(11, of: subject, type: "text/plain", in: index)
            try await index.push(1, attachments: [try Sample.attachment(12, about: subject)], at: 12)
            try await storeReferrer(13, of: subject, type: MediaType.inToto, in: index)
            let records = try await index.attestations(of: subject, in: name)
            #expect(
                records.map(\.envelope) == [10, 12, 13].map { BlobRecord(digest: digest($0), size: Sample.layerBytes) })
            #expect(records.map(\.predicateType) == [PredicateType.modelSignature, PredicateType.verdict, nil])
            #expect(records.map(\.createdAt) == [time(10), time(12), time(13)])
            #expect(try await index.blobSize(digest(12), in: name) == Sample.layerBytes)
            #expect(try await index.attestations(of: subject, in: try repositoryName("other")).isEmpty)
        }
    }

    @Test func `a finished verification has its report and its place in the lineage`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "data", kind: .dataset)
            try await index.enqueue(try verification(1))
            var claimed = try #require(try await index.claim(7))
            (claimed.state, claimed.finishedAt, claimed.envelopeDigest) = (.measured, time(9), digest(40))
            let report = try Sample.attachment(40, about: claimed.subject.digest)
            try await index.finish(claimed, claim: ClaimID(bits: 7), attaching: [report], tryBy: nil, actor: "tester")
            try await index.finish(claimed, claim: ClaimID(bits: 7), attaching: [report], tryBy: nil, actor: "tester")
            try await index.requeueInterruptedVerifications(leaseUntil: time(1), atMost: time(1_000))
            let name = claimed.subject.repository
            #expect(try await index.verification(claimed.id) == claimed)
            #expect(try await index.verifications(of: claimed.subject.digest, in: name, limit: 5) == [claimed])
            #expect(try await index.attestations(of: claimed.subject.digest, in: name).count == 1)
            #expect(try await index.relations(of: .version(name, claimed.subject.number)) == [.evaluatedOn])
            #expect(try await index.claim(7) == nil)
        }
    }

    @Test func `a failed verification adds no lineage, and newest come first`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "data", kind: .dataset)
            try await index.enqueue(try verification(1))
            try await index.enqueue(try verification(2, at: 2))
            var claimed = try #require(try await index.claim(7))
            (claimed.state, claimed.finishedAt, claimed.envelopeDigest) = (.failed, time(9), digest(40))
            try await index.finish(
                claimed, claim: ClaimID(bits: 7), attaching: [try Sample.attachment(40, about: claimed.subject.digest)],
                tryBy: nil, actor: "tester")
            let name = claimed.subject.repository
            #expect(try await index.relations(of: .version(name, claimed.subject.number)).isEmpty)
            let listed = try await index.verifications(of: claimed.subject.digest, in: name, limit: 5)
            #expect(try listed == [verification(2, at: 2), claimed])
        }
    }

    @Test func `an evaluation on data that came from the model itself closes no circle`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "data", lineage: [(.derivedFrom, "team/fraud:1")], kind: .dataset)
            try await index.enqueue(try verification(1))
            var claimed = try #require(try await index.claim(7))
            (claimed.state, claimed.finishedAt, claimed.envelopeDigest) = (.measured, time(9), digest(40))
            try await index.finish(
                claimed, claim: ClaimID(bits: 7), attaching: [try Sample.attachment(40, about: claimed.subject.digest)],
                tryBy: nil, actor: "tester")
            #expect(try await index.verification(claimed.id)?.state == .measured)
            #expect(try await index.relations(of: .version(claimed.subject.repository, try number(1))).isEmpty)
        }
    }

    @Test func `a verification of what is not there is refused`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let enqueued = await code { try await index.enqueue(try verification(1)) }
            let finished = await code {
                try await index.finish(
                    try verification(1), claim: ClaimID(bits: 7),
                    attaching: [try Sample.attachment(40, about: digest(1))],
                    tryBy: nil, actor: "tester")
            }
            #expect(enqueued == .versionNotFound)
            #expect(finished == .claimNotFound)
            #expect(try await index.verification(VerificationID(bits: 1)) == nil)
        }
    }

    @Test func `trusted keys are added once, keep their role and stay revoked`() async throws {
        try await withIndex { index in
            func key(_ role: TrustedKey.Role, at: Int64 = 1) -> TrustedKey {
                TrustedKey(id: "ab12", name: "ci", pem: "PEM", role: role, addedAt: time(at))
            }
            try await index.addTrustedKey(key(.release), actor: "owner")
            try await index.addTrustedKey(key(.release, at: 2), actor: "owner")
            let otherRole = await code { try await index.addTrustedKey(key(.registry), actor: "owner") }
            #expect(otherRole == .keyConflict)
            let renamed = TrustedKey(id: "ab12", name: "build", pem: "PEM", role: .release, addedAt: time(1))
            let otherName = await code { try await index.addTrustedKey(renamed, actor: "owner") }
            #expect(otherName == .keyConflict)
            #expect(try await index.trustedKeys() == [key(.release)])
            _ = try await index.revokeTrustedKey("ab12", since: time(5), actor: "owner", at: time(5))
            _ = try await index.revokeTrustedKey("ab12", since: time(6), actor: "owner", at: time(6))
            #expect(try await index.trustedKeys().map(\.revokedAt) == [time(5)])
            let revived = await code { try await index.addTrustedKey(key(.release), actor: "owner") }
            let missing = await code {
                _ = try await index.revokeTrustedKey("cd34", since: time(7), actor: "owner", at: time(7))
            }
            #expect(revived == .keyConflict)
            #expect(missing == .keyNotFound)
        }
    }
}
