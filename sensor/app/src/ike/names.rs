//! Numbers of IKE version 1 with the names that EVE has for them (IANA registries of ISAKMP and of IPsec).

/// Attributes of transforms; rules name them so too.
pub const ATTRIBUTES: &[(&str, u16)] = &[
    ("alg_enc", ENCRYPTION),
    ("alg_hash", HASH),
    ("alg_auth", AUTHENTICATION),
    ("alg_dh", GROUP),
    ("sa_group_type", 5),
    ("sa_group_prime", 6),
    ("sa_group_generator_one", 7),
    ("sa_group_generator_two", 8),
    ("sa_group_curve_a", 9),
    ("sa_group_curve_b", 10),
    ("sa_life_type", LIFE_TYPE),
    ("sa_life_duration", 12),
    ("alg_prf", PRF),
    ("sa_key_length", 14),
    ("sa_field_size", 15),
    ("sa_group_order", 16),
];

pub const ENCRYPTION: u16 = 1;
pub const HASH: u16 = 2;
pub const AUTHENTICATION: u16 = 3;
pub const GROUP: u16 = 4;
pub const LIFE_TYPE: u16 = 11;
pub const PRF: u16 = 13;

pub const PAYLOADS: &[(&str, u8)] = &[
    ("None", 0),
    ("SecurityAssociation", 1),
    ("Proposal", 2),
    ("Transform", 3),
    ("KeyExchange", 4),
    ("Identification", 5),
    ("Certificate", 6),
    ("CertificateRequest", 7),
    ("Hash", 8),
    ("Signature", 9),
    ("Nonce", 10),
    ("Notification", 11),
    ("Delete", 12),
    ("VendorID", 13),
    ("SaKekPayload", 15),
    ("SaTekPayload", 16),
    ("KeyDownload", 17),
    ("SequenceNumber", 18),
    ("ProofOfPossession", 19),
    ("NatDiscovery", 20),
    ("NatOriginalAddress", 21),
    ("GroupAssociatedPolicy", 22),
];

/// Values from 1 on.
const ENCRYPTIONS: &[&str] = &[
    "EncDesCbc",
    "EncIdeaCbc",
    "EncBlowfishCbc",
    "EncRc5R16B64Cbc",
    "EncTripleDesCbc",
    "EncCastCbc",
    "EncAesCbc",
    "EncCamelliaCbc",
];

const HASHES: &[&str] = &[
    "HashMd5",
    "HashSha",
    "HashTiger",
    "HashSha2_256",
    "HashSha2_384",
    "HashSha2_512",
];

const AUTHENTICATIONS: &[&str] = &[
    "AuthPreSharedKey",
    "AuthDssSignatures",
    "AuthRsaSignatures",
    "AuthEncryptionWithRsa",
    "AuthRevisedEncryptionWithRsa",
    "AuthReserved",
    "AuthReserved",
    "AuthReserved",
    "AuthEcdsaSha256",
    "AuthEcdsaSha384",
    "AuthEcdsaSha512",
];

const GROUPS: &[&str] = &[
    "GroupDefault768BitModp",
    "GroupAlternate1024BitModpGroup",
    "GroupEc2nOnGp2p155",
    "GroupEc2nOnGp2p185",
    "GroupModp1536Bit",
    "GroupEc2nOverGf2p163",
    "GroupEc2nOverGf2p163",
    "GroupEc2nOverGf2p283",
    "GroupEc2nOverGf2p283",
    "GroupEc2nOverGf2p409",
    "GroupEc2nOverGf2p409",
    "GroupEc2nOverGf2p571",
    "GroupEc2nOverGf2p571",
    "GroupModp2048Bit",
    "GroupModp3072Bit",
    "GroupModp4096Bit",
    "GroupModp6144Bit",
    "GroupModp8192Bit",
    "GroupRandomEcp256",
    "GroupRandomEcp384",
    "GroupRandomEcp521",
    "GroupModp1024With160BitPrime",
    "GroupModp2048With224BitPrime",
    "GroupModp2048With256BitPrime",
    "GroupRandomEcp192",
    "GroupRandomEcp224",
    "GroupBrainpoolEcp224",
    "GroupBrainpoolEcp256",
    "GroupBrainpoolEcp384",
    "GroupBrainpoolEcp512",
];

const LIFE_TYPES: &[&str] = &["LifeTypeSeconds", "LifeTypeKilobytes"];

/// Name of an attribute's value.
pub fn value_name(attribute: u16, value: u16) -> &'static str {
    let table = match attribute {
        ENCRYPTION => ENCRYPTIONS,
        HASH => HASHES,
        AUTHENTICATION => AUTHENTICATIONS,
        GROUP => GROUPS,
        LIFE_TYPE => LIFE_TYPES,
        _ => &[],
    };
    usize::from(value)
        .checked_sub(1)
        .and_then(|at| table.get(at))
        .copied()
        .unwrap_or("Unknown")
}
