import AssayDomain
import GRDB

/// What still needs a manifest, so that it is not deleted.
enum ManifestUse {
    /// A protected alias points to the version.
    case holder(Reference)
    /// It is part of an index that a protected alias points to.
    case child(of: Reference, alias: Reference)
    /// Another version came from it.
    case source(of: Reference, LineageRelation)
    /// The policy of an alias measures with it.
    case dataset(ofPolicyOf: Reference)
    /// A verification of another version measures with it.
    case measurement(of: Reference)
    /// It is evidence about a version that a protected alias points to.
    case evidence(about: Reference, alias: Reference)
    /// It is the verdict by which an alias moved.
    case verdict(on: Reference)
    /// It says that a version was withdrawn, or may be used again.
    case withdrawal

    var reason: String {
        switch self {
        case .holder(let alias): "the protected alias \(alias) points to it"
        case .child(let version, let alias): "it is part of \(version), which the protected alias \(alias) points to"
        case .source(let version, let relation): "\(version) is \(relation.rawValue) it"
        case .dataset(let alias): "the policy of \(alias) measures with it"
        case .measurement(let version): "a verification of \(version) measures with it"
        case .evidence(let version, let alias):
            "it is evidence about \(version), which the protected alias \(alias) points to"
        case .verdict(let alias): "it is the verdict by which \(alias) moved"
        case .withdrawal: "it is the word by which a version was withdrawn or reinstated"
        }
    }

    /// Nil where nothing can be done: history is kept for ever.
    var remedy: String? {
        switch self {
        case .holder(let alias), .child(_, let alias), .evidence(_, let alias):
            "promote another version to \(alias) first"
        case .source(let version, _), .measurement(let version): "delete \(version) first"
        case .dataset(let alias): "set a policy of \(alias) with another dataset first"
        case .verdict, .withdrawal: nil
        }
    }
}

extension Database {
    /// The first thing found that needs a manifest, or the version that it is; nil if it can go.
    func use(
        ofVersion versionID: Int64?, manifest manifestID: Int64, in repository: RepositoryName
    ) throws -> ManifestUse? {
        if let versionID {
            let use =
                try holder(of: versionID, in: repository) ?? result(of: versionID) ?? policy(with: versionID)
                ?? verification(with: versionID)
            if let use { return use }
        }
        return try holder(ofParentOf: manifestID, in: repository) ?? holder(withEvidence: manifestID, in: repository)
            ?? move(withVerdict: manifestID, in: repository) ?? withdrawal(by: manifestID)
    }

    private func holder(of versionID: Int64, in repository: RepositoryName) throws -> ManifestUse? {
        try first(HotStatement.protectedAliasOfVersion.rawValue, [versionID]) { row in
            .holder(Reference(repository, try row.alias(0)))
        }
    }

    private func holder(ofParentOf manifestID: Int64, in repository: RepositoryName) throws -> ManifestUse? {
        try first(HotStatement.holderOfParent.rawValue, [manifestID]) { row in
            .child(of: Reference(repository, try row.number(0)), alias: Reference(repository, try row.alias(1)))
        }
    }

    private func result(of versionID: Int64) throws -> ManifestUse? {
        try first(HotStatement.resultOfVersion.rawValue, [versionID]) { row in
            .source(of: Reference(try row.repositoryName(0), try row.number(1)), try row.word(2))
        }
    }

    private func policy(with datasetID: Int64) throws -> ManifestUse? {
        try first(HotStatement.policyWithDataset.rawValue, [datasetID]) { row in
            .dataset(ofPolicyOf: Reference(try row.repositoryName(0), try row.alias(1)))
        }
    }

    private func verification(with versionID: Int64) throws -> ManifestUse? {
        try first(HotStatement.verificationWithVersion.rawValue, ["version": versionID]) { row in
            .measurement(of: Reference(try row.repositoryName(0), try row.number(1)))
        }
    }

    private func holder(withEvidence manifestID: Int64, in repository: RepositoryName) throws -> ManifestUse? {
        try first(HotStatement.holderWithEvidence.rawValue, [manifestID]) { row in
            .evidence(about: Reference(repository, try row.number(0)), alias: Reference(repository, try row.alias(1)))
        }
    }

    private func withdrawal(by manifestID: Int64) throws -> ManifestUse? {
        try exists(HotStatement.withdrawalWithStatement.rawValue, [manifestID]) ? .withdrawal : nil
    }

    private func move(withVerdict manifestID: Int64, in repository: RepositoryName) throws -> ManifestUse? {
        try first(HotStatement.moveWithVerdict.rawValue, [manifestID]) { row in
            .verdict(on: Reference(repository, try row.alias(0)))
        }
    }
}
