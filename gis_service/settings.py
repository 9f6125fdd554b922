"""Settings: environment variables that start with ``GIS_``; read once, by the ``api`` package only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the operator may set; every field is the environment variable ``GIS_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="GIS_", env_ignore_empty=True)

    port: Annotated[int, Field(ge=1, le=65535, description="服务端口,只在 127.0.0.1 上监听")] = 8000
    host: Annotated[str, Field(description="监听地址;不是本机地址时要有证书或同时设 GIS_PUBLIC_URL")] = "127.0.0.1"
    public_url: Annotated[
        str | None, Field(pattern=r"^https?://[^/\s]+/?$", description="别人用什么网址访问,例如 https://地图.内网")
    ] = None
    proxies: Annotated[
        str | None, Field(description="可信的反向代理的地址,逗号分隔;只有它们转述的来源地址和 https 才算数")
    ] = None
    demo: Annotated[bool, Field(description="建立演示账户,任何人点一下就能进;只能在本机用")] = False
    data_dir: Annotated[Path, Field(description="数据目录:私有数据库集群、套接字、日志")] = Path(".data")
    database_url: Annotated[str | None, Field(description="读写数据库(角色 gis_app);不设则用私有集群")] = None
    database_owner_url: Annotated[str | None, Field(description="迁移用的数据库(角色 gis_owner)")] = None
    database_read_url: Annotated[
        str | None, Field(description="只读查询的数据库,可指向备库;不设则同 GIS_DATABASE_URL")
    ] = None
    database_backup_url: Annotated[
        str | None, Field(description="备份用的数据库(角色 gis_backup);用私有集群时不用设")
    ] = None
    backups: Annotated[Path | None, Field(description="备份放到哪个文件夹,应在另一台机器的共享目录上;不设则不备份")] = (
        None
    )
    backup_key: Annotated[
        str | None, Field(description="备份加密用的公钥,由 gis-service backup-key 生成;私钥不要放在这台机器上")
    ] = None
    backup_days: Annotated[int, Field(ge=1, le=3650, description="备份保留多少天")] = 35
    alarm: Annotated[
        Path | None, Field(description="备份失败时运行的程序,告警的一句话是它唯一的参数;例如发短信的脚本")
    ] = None
    personal_days: Annotated[int, Field(ge=1, le=3650, description="房东的联系方式多少天没有重新核对就删除")] = 730
    tianditu_key: Annotated[str | None, Field(description="天地图密钥;设了就提供天地图底图")] = None
    base_layers: Annotated[
        str | None, Field(description="内网底图,每项为 名称=XYZ 地址模板,用分号隔开;GCJ-02 底图会被拒绝")
    ] = None
    anchors: Annotated[
        Path | None, Field(description="审计记录的锚定文件;放到别的机器的共享目录上,就没有人能一个人改掉两边")
    ] = None
    log_days: Annotated[int, Field(ge=180, le=3650, description="请求日志保留多少天,至少 180 天")] = 180
    upload_days: Annotated[int, Field(ge=1, le=3650, description="上传的原始文件保留多少天,过期删除")] = 180
    export_days: Annotated[int, Field(ge=1, le=3650, description="出过的图的文件保留多少天,过期删除")] = 180
    slide_template: Annotated[
        Path | None, Field(description="幻灯片的模板:本单位的 PPTX,沿用它的母版、字体、颜色;不设用自带的版式")
    ] = None
    author: Annotated[str | None, Field(max_length=60, description="印在图上的制图单位;图上有合成数据时不印")] = None
    client_seconds: Annotated[
        float, Field(gt=0, le=600, description="客户端在请求中途沉默多少秒就断开;网络很慢时可以加大")
    ] = 25.0
