use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::DomainId;

/// What a domain's projects do with a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DomainType {
    /// Tags describe the whole photo.
    Classification,
    /// Tags describe regions of the photo.
    ObjectDetection,
}

/// A pretrained base model, which turns a photo into features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseModel {
    /// EfficientNet-Lite0: 224 px, 1,280 features.
    Lite0,
    /// EfficientNet-Lite2: 260 px, 1,280 features.
    Lite2,
}

impl std::fmt::Display for BaseModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lite0 => "EfficientNet-Lite0",
            Self::Lite2 => "EfficientNet-Lite2",
        })
    }
}

/// A kind of photo that a project is about, under Custom Vision's names and ids.
///
/// The domain chooses the base model. Domains named after a subject (Food, Landmarks, Retail) use the same
/// base as their general sibling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Custom Vision's id.
    pub id: DomainId,
    /// Custom Vision's name.
    pub name: &'static str,
    /// Classification or detection.
    #[serde(rename = "type")]
    pub domain_type: DomainType,
    /// The base model that its projects are trained on; none where training is not available.
    pub base: Option<BaseModel>,
}

/// Declares the domains: a constant each, and the table of all.
macro_rules! domains {
    ($($(#[$doc:meta])* $constant:ident = $id:literal, $name:literal, $kind:ident, $base:expr;)*) => {
        impl Domain {
            $(
                $(#[$doc])*
                pub const $constant: Self = Self {
                    id: DomainId::from_uuid(Uuid::from_u128($id)),
                    name: $name,
                    domain_type: DomainType::$kind,
                    base: $base,
                };
            )*

            /// Every domain, in the reference's order.
            pub const ALL: &'static [Self] = &[$(Self::$constant,)*];
        }
    };
}

domains! {
    /// Classification: General.
    GENERAL = 0xee85a74c_405e_4adc_bb47_ffa8ca0c9f31, "General", Classification, Some(BaseModel::Lite2);
    /// Classification: General \[A1\].
    GENERAL_A1 = 0xa8e3c40f_fb4a_466f_832a_5e457ae4a344, "General [A1]", Classification, Some(BaseModel::Lite2);
    /// Classification: General \[A2\].
    GENERAL_A2 = 0x2e37d7fb_3a54_486a_b4d6_cfc369af0018, "General [A2]", Classification, Some(BaseModel::Lite2);
    /// Classification: Food.
    FOOD = 0xc151d5b5_dd07_472a_acc8_15d29dea8518, "Food", Classification, Some(BaseModel::Lite2);
    /// Classification: Landmarks.
    LANDMARKS = 0xca455789_012d_4b50_9fec_5bb63841c793, "Landmarks", Classification, Some(BaseModel::Lite2);
    /// Classification: Retail.
    RETAIL = 0xb30a91ae_e3c1_4f73_a81e_c270bff27c39, "Retail", Classification, Some(BaseModel::Lite2);
    /// Classification: Adult, withdrawn by Custom Vision; named here so that its projects are recognised.
    ADULT = 0x45badf75_3591_4f26_a705_45678d3e9f5f, "Adult", Classification, None;
    /// Classification: General (compact), the quickest.
    GENERAL_COMPACT = 0x0732100f_1a38_4e49_a514_c9b44c697ab5, "General (compact)", Classification, Some(BaseModel::Lite0);
    /// Classification: General (compact) \[S1\].
    GENERAL_COMPACT_S1 = 0xa1db07ca_a19a_4830_bae8_e004a42dc863, "General (compact) [S1]", Classification, Some(BaseModel::Lite2);
    /// Classification: Food (compact).
    FOOD_COMPACT = 0x8882951b_82cd_4c32_970b_d5f8cb8bf6d7, "Food (compact)", Classification, Some(BaseModel::Lite0);
    /// Classification: Landmarks (compact).
    LANDMARKS_COMPACT = 0xb5cfd229_2ac7_4b2b_8d0a_2b0661344894, "Landmarks (compact)", Classification, Some(BaseModel::Lite0);
    /// Classification: Retail (compact).
    RETAIL_COMPACT = 0x6b4faeda_8396_481b_9f8b_177b9fa3097f, "Retail (compact)", Classification, Some(BaseModel::Lite0);
    /// Detection: General.
    DETECTION_GENERAL = 0xda2e3a8a_40a5_4171_82f4_58522f70fbc1, "General", ObjectDetection, None;
    /// Detection: General \[A1\].
    DETECTION_GENERAL_A1 = 0x9c616dff_2e7d_ea11_af59_1866da359ce6, "General [A1]", ObjectDetection, None;
    /// Detection: Logo.
    DETECTION_LOGO = 0x1d8ffafe_ec40_4fb2_8f90_72b3b6cecea4, "Logo", ObjectDetection, None;
    /// Detection: Products on Shelves.
    DETECTION_PRODUCTS_ON_SHELVES = 0x3780a898_81c3_4516_81ae_3a139614e1f3, "Products on Shelves", ObjectDetection, None;
    /// Detection: General (compact).
    DETECTION_GENERAL_COMPACT = 0xa27d5ca5_bb19_49d8_a70a_fec086c47f5b, "General (compact)", ObjectDetection, None;
    /// Detection: General (compact) \[S1\].
    DETECTION_GENERAL_COMPACT_S1 = 0x7ec2ac80_887b_48a6_8df9_8b1357765430, "General (compact) [S1]", ObjectDetection, None;
}

impl Domain {
    /// The domain with this id, if there is one.
    pub fn from_id(id: DomainId) -> Option<Self> {
        Self::ALL.iter().copied().find(|domain| domain.id == id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_domain_is_found_by_its_own_id() {
        for domain in Domain::ALL {
            assert_eq!(Domain::from_id(domain.id), Some(*domain));
        }
        let ids: HashSet<_> = Domain::ALL.iter().map(|domain| domain.id).collect();
        assert_eq!(ids.len(), 18);
    }

    #[test]
    fn the_general_domain_has_custom_visions_id() {
        assert_eq!(Domain::GENERAL.id.to_string(), "ee85a74c-405e-4adc-bb47-ffa8ca0c9f31");
    }
}
